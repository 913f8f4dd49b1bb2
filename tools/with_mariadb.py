#!/usr/bin/env python3
"""Runs a command with two MariaDB servers of its own: one for each database of the service.

    tools/with_mariadb.py COMMAND [ARGUMENT …]

Two servers, because production has two: nothing can pass here that needs both databases on one.
They live in a temporary directory, listen on free ports of 127.0.0.1, and are stopped and
removed when the command ends, also on Ctrl-C. The command finds them in PRIVATE_DATABASE_URL
and PUBLIC_DATABASE_URL, as the owner of each database. Exits with the command's status.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

os.environ["PATH"] += ":/usr/sbin"  # where Debian keeps mariadbd, and few users look


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def server(home: Path, database: str) -> Iterator[str]:
    """One MariaDB server with one empty database; yields the URL of its owner."""
    home.mkdir()
    as_root = ["--user=root"] if os.geteuid() == 0 else []
    port, data, unix = _free_port(), f"--datadir={home}/data", f"--socket={home}/socket"
    subprocess.run(
        ["mariadb-install-db", "--no-defaults", data, "--auth-root-authentication-method=normal",
         "--skip-test-db", *as_root],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    log = (home / "log").open("w")
    process = subprocess.Popen(
        ["mariadbd", "--no-defaults", data, unix, f"--port={port}", "--bind-address=127.0.0.1",
         "--skip-name-resolve", "--max-connections=500", *as_root],
        stdout=log, stderr=log, start_new_session=True,
    )  # fmt: skip
    try:
        client = ["mariadb", "--no-defaults", unix, "--user=root"]
        deadline = time.monotonic() + 60
        while subprocess.run([*client, "-e", "SELECT 1"], capture_output=True).returncode:
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"MariaDB did not start:\n{(home / 'log').read_text()[-4000:]}")
            time.sleep(0.1)
        setup = (
            f"CREATE DATABASE {database} CHARACTER SET utf8mb4;"
            "CREATE USER owner@'127.0.0.1' IDENTIFIED BY 'owner';"
            "GRANT ALL ON *.* TO owner@'127.0.0.1' WITH GRANT OPTION;"
        )
        subprocess.run([*client, "-e", setup], check=True)
        yield f"mysql://owner:owner@127.0.0.1:{port}/{database}"
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
        log.close()


def main() -> int:
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    missing = [name for name in ("mariadbd", "mariadb-install-db", "mariadb")
               if shutil.which(name) is None]  # fmt: skip
    if missing:
        sys.exit(
            f"MariaDB is not installed ({', '.join(missing)}). As root: "
            "apt-get install mariadb-server-core mariadb-client"
        )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with (
        tempfile.TemporaryDirectory(prefix="freshtrak-mariadb-") as home,
        server(Path(home, "private"), "freshtrak_private") as private,
        server(Path(home, "public"), "freshtrak_public") as public,
    ):
        environment = {**os.environ, "PRIVATE_DATABASE_URL": private, "PUBLIC_DATABASE_URL": public}
        return subprocess.run(sys.argv[1:], env=environment).returncode


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
