"""How the service is served. Each line can be overridden on the command line."""

import os
import tempfile

bind = "127.0.0.1:8000"
workers = 2
worker_class = "gthread"
threads = 4
timeout = 60  # longer than the patience of a booking (10 s) and the lock wait behind it
control_socket_disable = True

# Metrics of all workers together; set before any of them starts.
os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", tempfile.mkdtemp(prefix="freshtrak-metrics-"))


def child_exit(server, worker):
    """Gauges of a worker that died are counted no more."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)
