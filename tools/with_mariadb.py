#!/usr/bin/env python3
"""Runs a command with two MariaDB servers of its own, one for each database of the service.

    tools/with_mariadb.py [--mysql] COMMAND [ARGUMENT …]

With --mysql they are MySQL servers (8.4 or newer); mysqld and mysql must be on PATH.

Two servers, because production has two: code that needs both databases on one server fails here.
They live in a temporary directory and listen on free ports of 127.0.0.1; when the command ends,
even by Ctrl-C, they are stopped and removed. The command finds their URLs in PRIVATE_DATABASE_URL
and PUBLIC_DATABASE_URL, with the owner of each database as user. Exits with the command's status.
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

os.environ["PATH"] += ":/usr/sbin"  # where Debian keeps mariadbd; most users' PATH lacks it


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


ON_MYSQL = "SERVERS_ARE_MYSQL"
"""In the environment: servers that the command itself starts are MySQL, too."""


def on_mysql() -> bool:
    return ON_MYSQL in os.environ


# Otherwise MySQL opens a second port, offers TLS, and wants a directory that may not exist.
PLAIN_MYSQL = ["--mysqlx=OFF", "--auto-generate-certs=OFF", "--secure-file-priv=NULL"]

# MySQL's default. Without a binary log a commit becomes visible before it is safe, and a whole
# class of faults never shows.
DURABILITY = ["--log-bin=binlog", "--sync-binlog=1", "--server-id=1"]


INSTALLED = "SERVERS_INSTALLED"
"""In the environment: an installed data directory, which further servers copy."""


def install(data: Path) -> None:
    """Makes the data directory of a new server."""
    if INSTALLED in os.environ:
        shutil.copytree(os.environ[INSTALLED], data)
        return
    if on_mysql():
        command = ["mysqld", "--no-defaults", "--initialize-insecure", *PLAIN_MYSQL]
    else:
        command = [
            "mariadb-install-db",
            "--no-defaults",
            "--skip-test-db",
            "--auth-root-authentication-method=normal",
        ]
    with tempfile.TemporaryDirectory(dir=data.parent) as scratch:
        command += [f"--datadir={data}", f"--tmpdir={scratch}", *as_root()]
        installed = subprocess.run(command, capture_output=True, text=True)
    if installed.returncode:
        sys.exit(f"The server could not be installed:\n{installed.stderr[-4000:]}")


def as_root() -> list[str]:
    return ["--user=root"] if os.geteuid() == 0 else []


class Server:
    """A server in a directory and on a port of its own, with one database and its owner."""

    def __init__(self, home: Path, database: str, *options: str) -> None:
        home.mkdir()
        # On starting, a server removes the temporary tables it finds, even another server's.
        (home / "scratch").mkdir()
        self.home, self.port, self.options = home, free_port(), options
        self.url = f"mysql://owner:owner@127.0.0.1:{self.port}/{database}"
        install(home / "data")
        self.start()
        self.sql(
            f"CREATE DATABASE {database} CHARACTER SET utf8mb4;"
            "CREATE USER owner@'127.0.0.1' IDENTIFIED BY 'owner';"
            "GRANT ALL ON *.* TO owner@'127.0.0.1' WITH GRANT OPTION;"
        )

    def start(self) -> None:
        """Starts or restarts it, and waits until it answers."""
        log = (self.home / "log").open("a")
        self.process = subprocess.Popen(
            [
                "mysqld" if on_mysql() else "mariadbd",
                "--no-defaults",
                f"--datadir={self.home}/data",
                f"--tmpdir={self.home}/scratch",
                f"--socket={self.home}/socket",
                f"--port={self.port}",
                "--bind-address=127.0.0.1",
                "--skip-name-resolve",
                "--max-connections=500",
                *DURABILITY,
                *(PLAIN_MYSQL if on_mysql() else ()),
                *as_root(),
                *self.options,
            ],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        log.close()
        deadline = time.monotonic() + 60
        while self._client("SELECT 1").returncode:
            if self.process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"The server did not start:\n{(self.home / 'log').read_text()[-4000:]}")
            time.sleep(0.1)

    def _client(self, sql: str) -> "subprocess.CompletedProcess[str]":
        socket_ = f"--socket={self.home}/socket"
        return subprocess.run(
            [
                "mysql" if on_mysql() else "mariadb",
                "--no-defaults",
                socket_,
                "--user=root",
                "--skip-column-names",
                "-e",
                sql,
            ],
            capture_output=True,
            text=True,
        )

    def sql(self, sql: str) -> str:
        """Runs statements as root; returns what they print."""
        done = self._client(sql)
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout

    def stop(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(30)


@contextlib.contextmanager
def server(home: Path, database: str, *options: str) -> Iterator[Server]:
    """A server that is stopped at the end, even after an error."""
    running = Server(home, database, *options)
    try:
        yield running
    finally:
        running.stop()


def main() -> int:
    command = sys.argv[1:]
    if command[:1] == ["--mysql"]:
        os.environ[ON_MYSQL] = "1"
        del command[0]
    if not command:
        sys.exit(__doc__)
    if missing := _missing():
        sys.exit(missing)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="freshtrak-mariadb-") as home:
        install(Path(home, "installed"))
        os.environ[INSTALLED] = f"{home}/installed"
        return _run(command, Path(home))


def _run(command: list[str], home: Path) -> int:
    with (
        server(Path(home, "private"), "freshtrak_private") as private,
        server(Path(home, "public"), "freshtrak_public") as public,
    ):
        urls = {"PRIVATE_DATABASE_URL": private.url, "PUBLIC_DATABASE_URL": public.url}
        urls["PUBLIC_READ_URL"] = ""  # none, whatever .env names
        # A test may wait for other processes longer than a server keeps a silent session.
        environment = {**os.environ, "DATABASE_IDLE_TIMEOUT": "600", **urls}
        return subprocess.run(command, env=environment).returncode


def _missing() -> str:
    """What to install; empty if nothing."""
    names = ("mysqld", "mysql") if on_mysql() else ("mariadbd", "mariadb-install-db", "mariadb")
    missing = [name for name in names if shutil.which(name) is None]
    if on_mysql():
        # Debian's MariaDB calls itself mysqld as well.
        if not missing and "MariaDB" in subprocess.check_output(["mysqld", "--version"], text=True):
            missing = ["mysqld is MariaDB's"]
        packages = (
            "mysql-server-core mysql-client-core. Debian 12 lacks them: "
            "use mysql-community-server from https://dev.mysql.com/downloads/repo/apt/"
        )
    else:
        packages = "mariadb-server-core mariadb-client"
    product = "MySQL" if on_mysql() else "MariaDB"
    text = f"{product} is not installed ({', '.join(missing)}). As root: apt-get install {packages}"
    return text if missing else ""


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
