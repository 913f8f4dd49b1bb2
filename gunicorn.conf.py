"""How the service is served. Each line can be overridden on the command line."""

import os
import shutil
import tempfile

bind = "127.0.0.1:8000"
workers = 2
worker_class = "gthread"
threads = 4
timeout = 60  # longer than the patience of a booking (10 s) and the lock wait behind it
control_socket_disable = True

# Metrics of all workers together; named before any of them starts.
_made = "" if os.environ.get("PROMETHEUS_MULTIPROC_DIR") else tempfile.mkdtemp(prefix="freshtrak-")
if _made:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = _made


def child_exit(server, worker):
    """Gauges of a worker that died are counted no more."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)


def on_exit(server):
    if _made:
        shutil.rmtree(_made, ignore_errors=True)
