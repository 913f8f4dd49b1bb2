"""How gunicorn serves the service. The command line overrides each setting."""

import os
import shutil
import tempfile

bind = "127.0.0.1:8000"
workers = 2
worker_class = "gthread"
threads = 4
timeout = 60  # longer than a booking retries (10 s) plus one more lock wait
control_socket_disable = True

# All workers share this directory for their metrics, so it is set before any of them starts.
_made = "" if os.environ.get("PROMETHEUS_MULTIPROC_DIR") else tempfile.mkdtemp(prefix="freshtrak-")
if _made:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = _made


def child_exit(server, worker):
    """Stops counting the gauges of a worker that has exited."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)


def on_exit(server):
    if _made:
        shutil.rmtree(_made, ignore_errors=True)
