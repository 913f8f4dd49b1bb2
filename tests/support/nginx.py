"""A real nginx with the configuration that operators get."""

import getpass
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

CONFIGURATION = Path(settings.BASE_DIR) / "ops" / "nginx" / "freshtrak.conf"
PROGRAM = shutil.which("nginx") or "/usr/sbin/nginx"
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def write(directory: Path, port: int, upstream: str) -> Path:
    """What Debian's nginx.conf does around the shipped file; of that, only the addresses differ."""
    shipped = CONFIGURATION.read_text()
    shipped, listens = re.subn(r"\blisten 80;", f"listen 127.0.0.1:{port};", shipped)
    shipped, upstreams = re.subn(r"\bserver 127\.0\.0\.1:8000;", f"server {upstream};", shipped)
    assert (listens, upstreams) == (1, 1)
    (directory / "freshtrak.conf").write_text(shipped)
    main = directory / "nginx.conf"
    main.write_text(
        f"user {getpass.getuser()};\npid {directory}/pid;\nerror_log stderr;\ndaemon off;\n"
        "worker_processes 1;\nevents { worker_connections 768; }\nhttp {\naccess_log off;\n"
        + "".join(f"{name}_temp_path {directory}/{name};\n" for name in TEMPORARY)
        + f"include {directory}/freshtrak.conf;\n}}\n"
    )
    return main


@contextmanager
def serve(directory: Path, upstream: str) -> Iterator[int]:
    """nginx in front of the address `upstream`; yields the port at which it listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    main = write(directory, port, upstream)
    with open(directory / "error.log", "wb") as log:
        process = subprocess.Popen([PROGRAM, "-p", directory, "-c", main], stderr=log)
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None, (directory / "error.log").read_text()
        yield port
    finally:
        process.terminate()
        process.wait(30)
