"""The URL of a database: `mysql://user:password@host:3306/name`, or `sqlite:///path`."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from environ import Env

MYSQL = "write mysql://user:password@host:3306/name"
SQLITE = "write sqlite:///path/of/the/file.sqlite3"
_ESCAPING = "in user and password write / ? # @ : % as %2F %3F %23 %40 %3A %25"


def parse(url: str) -> dict[str, Any]:
    """Django's description of the database.

    Raises ValueError with what to write instead. Its text has no part of the URL: that holds a
    password.
    """
    scheme = url.partition("://")[0].lower()
    if scheme == "mysql":
        _check_mysql(url)
    elif scheme == "sqlite":
        if not url.startswith("sqlite:///"):
            raise ValueError(f"{SQLITE}, with three slashes; four begin an absolute path")
    else:
        raise ValueError(f"it must begin with mysql:// (or sqlite:///); {MYSQL}")
    config: dict[str, Any] = Env.db_url_config(url)
    return config


def _check_mysql(url: str) -> None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # no number, or beyond 65535; brackets that do not match
        raise ValueError(f"its host or port cannot be read; {MYSQL}, and {_ESCAPING}") from None
    name = parts.path.strip("/")
    is_local = "unix_socket=" in parts.query or "read_default_file=" in parts.query
    if not (parts.hostname or is_local):
        raise ValueError(f"it has no host; {MYSQL}, and {_ESCAPING}")
    if not name or "/" in name or parts.fragment or port == 0:
        raise ValueError(f"it does not end in /name; {MYSQL}, and {_ESCAPING}")


def are_one(first: dict[str, Any], second: dict[str, Any]) -> bool:
    """Whether two descriptions name the same database."""
    return _place(first) == _place(second) != (":memory:",)


def _place(config: dict[str, Any]) -> tuple[object, ...]:
    if config["ENGINE"].endswith("sqlite3"):
        name = str(config["NAME"])
        return (name if name == ":memory:" else str(Path(name).resolve()),)
    host = config["HOST"].lower().replace("localhost", "127.0.0.1")
    return host, config["PORT"] or 3306, config["NAME"]
