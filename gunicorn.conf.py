"""How gunicorn serves the service, where granian has no wheel (docs/decisions/0006-server.md).

The command line overrides each setting.
"""

import os
import shutil
import subprocess
import sys
import tempfile

bind = "127.0.0.1:8000"
workers = 2
worker_class = "gthread"
threads = 4
timeout = 60  # longer than a booking retries (10 s) plus one more lock wait
keepalive = 10  # seconds; longer than the proxy keeps a connection
control_socket_disable = True

# All workers share this directory for their metrics, so it is set before any of them starts.
_made = "" if os.environ.get("PROMETHEUS_MULTIPROC_DIR") else tempfile.mkdtemp(prefix="freshtrak-")
if _made:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = _made


def on_starting(server):
    """Wrong settings end the start with one message. A process of its own reads them, because the
    workers of a later reload read them anew."""
    read = "from freshtrak.environment import require_settings; require_settings()"
    command = [sys.executable, "-c", read]
    if subprocess.run(command, cwd=server.cfg.chdir).returncode:  # noqa: S603
        on_exit(server)
        sys.exit(1)


def on_exit(server):
    if _made:
        shutil.rmtree(_made, ignore_errors=True)
