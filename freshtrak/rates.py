"""How often something may happen. All workers of a machine count together, each machine by itself.

A rate counts in fixed windows: those of a minute begin with the minute, so around the end of one
twice as many may pass within seconds. The counts lie in an SQLite file: one statement of about
15 µs, atomic between processes. They are worth nothing after a minute, so the file is never synced,
and if it fails, everything passes.
"""

import fcntl
import hashlib
import re
import sqlite3
import threading
import time
from contextlib import nullcontext
from dataclasses import dataclass

import structlog
from django.conf import settings

log = structlog.get_logger(__name__)

IN_MEMORY = ":memory:"
"""Instead of a file, where one process counts for itself."""

_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_RATE = re.compile(r"([1-9][0-9]{0,8})/(s|sec|second|m|min|minute|h|hour|d|day)")

_CREATE = """
    CREATE TABLE IF NOT EXISTS counts
    (key BLOB PRIMARY KEY, ends INTEGER NOT NULL, count INTEGER NOT NULL) WITHOUT ROWID
"""
_COUNT = """
    INSERT INTO counts VALUES (?, ?, 1) ON CONFLICT (key) DO UPDATE SET
    count = CASE WHEN ends = excluded.ends THEN count + 1 ELSE 1 END, ends = excluded.ends
    RETURNING count
"""
_PURGE = "DELETE FROM counts WHERE ends <= ?"


@dataclass(frozen=True)
class Rate:
    times: int
    seconds: int


def parse(text: str) -> Rate | None:
    """`120/min` as a Rate; None for `none`, which is no limit. Raises ValueError."""
    if text == "none":
        return None
    match = _RATE.fullmatch(text)
    if match is None:
        raise ValueError(
            "write a number and a period (s, min, hour or day), such as 120/min, or none"
        )
    return Rate(int(match[1]), _SECONDS[match[2][0]])


def wait(scope: str, who: str) -> int | None:
    """Counts one more for `who`; the seconds until they may again, or None if they may now.

    `scope` names a rate in settings.RATES; each counts by itself.
    """
    rate = settings.RATES[scope]
    if rate is None:
        return None
    now = int(time.time())
    ends = now - now % rate.seconds + rate.seconds
    # Only a digest is kept: it is short, and names nobody.
    text = f"{scope} {who}".encode(errors="surrogatepass")
    key = hashlib.blake2b(text, digest_size=16).digest()
    return ends - now if counts.add(key, ends, now) > rate.times else None


class _Counts:
    """How often each key was counted until its window ends. One connection for each process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._next_purge = 0
        self._failed = False

    def add(self, key: bytes, ends: int, now: int) -> int:
        """The count, with this one; 0 while the file cannot be written, which is logged once."""
        with self._lock:
            try:
                connection = self._connection or self._open()
                count: int = connection.execute(_COUNT, (key, ends)).fetchall()[0][0]
                self._purge(connection, now)
            except (sqlite3.Error, OSError):
                self._report()
                self._close()
                return 0
            self._failed = False
            return count

    def clear(self) -> None:
        """Begins anew, for the tests."""
        with self._lock:
            self._close()

    def _open(self) -> sqlite3.Connection:
        file = settings.RATES_FILE
        # Two that change the journal's mode at once get an error, without waiting.
        with nullcontext() if file == IN_MEMORY else open(f"{file}.lock", "wb") as lock:
            if lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
            # In this process one thread writes at a time; another process is done in microseconds.
            self._connection = sqlite3.connect(
                file, timeout=0.05, isolation_level=None, check_same_thread=False
            )
            for statement in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = OFF", _CREATE):
                self._connection.execute(statement).fetchall()
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _purge(self, connection: sqlite3.Connection, now: int) -> None:
        if now >= self._next_purge:
            self._next_purge = now + 60
            connection.execute(_PURGE, (now,))

    def _report(self) -> None:
        if not self._failed:
            log.warning("rates_unavailable", file=settings.RATES_FILE, exc_info=True)
        self._failed = True


counts = _Counts()
