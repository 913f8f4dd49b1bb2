"""Reads the environment, and says in plain words which variables are wrong: all of them at once.

A variable that is empty counts as unset. `.env` beside manage.py adds what the environment lacks.
"""

import os
import re
import sys
from builtins import bool as Bool  # the methods below have these names
from builtins import dict as Dict
from builtins import int as Int
from builtins import list as List
from builtins import str as Str
from collections.abc import Collection
from importlib import import_module
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ImproperlyConfigured
from environ import Env

from freshtrak import database_urls, rates

_FLAGS = {"true": True, "yes": True, "on": True, "1": True}
_FLAGS |= {"false": False, "no": False, "off": False, "0": False}
_ADVICE = ".env.example explains each. DEBUG=true, for a trial on your own machine, needs none."


def require_settings() -> None:
    """Ends the process with a plain message if the settings are wrong."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "freshtrak.settings")
    try:
        import_module(os.environ["DJANGO_SETTINGS_MODULE"])
    except ImproperlyConfigured as error:
        sys.exit(f"Cannot start: {error}")


class Environment:
    """A method notes what is wrong, and returns the default, so that the rest is read too;
    `refuse_problems` raises."""

    def __init__(self, file: Path) -> None:
        self.problems: List[Str] = []
        Env.read_env(file)

    def wrong(self, name: Str, accepted: Str, *, holds: Str = "") -> None:
        """Notes that this variable is wrong, and what to set instead. `holds` describes a value
        that is secret."""
        value = self.str(name)
        holds = (holds or f"is {value!r}") if value else "is not set"
        self.problems.append(f"{name} {holds}: {accepted}.")

    def refuse_problems(self) -> None:
        """Raises ImproperlyConfigured with a line for each problem that was noted."""
        if self.problems:
            lines = [f"  {problem}" for problem in self.problems]
            raise ImproperlyConfigured("\n".join(["the settings are wrong.", *lines, _ADVICE]))

    def str(self, name: Str, default: Str = "", *, multiline: Bool = False) -> Str:
        """With `multiline`, \\n in the value stands for the end of a line."""
        value = os.environ.get(name) or default
        return value.replace("\\r", "").replace("\\n", "\n") if multiline else value

    def choice(
        self, name: Str, default: Str, choices: Collection[Str], *, upper: Bool = False
    ) -> Str:
        value = self.str(name, default)
        value = value.upper() if upper else value
        if value in choices:
            return value
        *most, last = choices
        self.wrong(name, f"choose {', '.join(most)} or {last}")
        return default

    def bool(self, name: Str, default: Bool) -> Bool:
        text = self.str(name).strip().lower()
        if text in _FLAGS:
            return _FLAGS[text]
        if text:
            self.wrong(name, "set true or false")
        return default

    def int(
        self, name: Str, default: Int, *, minimum: Int = 0, maximum: Int = 1_000_000_000
    ) -> Int:
        text = self.str(name).strip()
        if not text:
            return default
        if text.isascii() and text.isdigit() and minimum <= Int(text[:20]) <= maximum:
            return Int(text)
        self.wrong(name, f"set a whole number from {minimum} to {maximum}")
        return default

    def list(
        self, name: Str, default: Collection[Str] = (), *, pattern: Str = ".+", accepted: Str = ""
    ) -> List[Str]:
        """The items of a list with commas; `accepted` says what `pattern` matches."""
        items = [item.strip() for item in self.str(name).split(",") if item.strip()]
        if not all(re.fullmatch(pattern, item) for item in items):
            self.wrong(name, accepted)
        return items or List(default)

    def dict(self, name: Str, default: Dict[Str, Str] | None = None) -> Dict[Str, Str]:
        """The pairs of a list with commas: `name=meaning,name=meaning`."""
        pairs = [item.partition("=") for item in self.list(name)]
        if not all(key and sign and value for key, sign, value in pairs):
            self.wrong(name, "write name=meaning,name=meaning")
            return default or {}
        return {key.strip(): value.strip() for key, _, value in pairs} or (default or {})

    def time_zone(self, name: Str, default: Str) -> Str:
        value = self.str(name, default)
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):  # unknown, a path, a directory
            self.wrong(name, "set the name of a time zone, such as America/New_York or UTC")
            return default
        return value

    def rate(self, name: Str, default: Str) -> rates.Rate | None:
        try:
            return rates.parse(self.str(name, default))
        except ValueError as error:
            self.wrong(name, Str(error))
            return rates.parse(default)

    def db_url(self, name: Str, default: Str) -> Dict[Str, Any]:
        """Django's description of the database; that of `default` if the URL is wrong."""
        try:
            return database_urls.parse(self.str(name, default))
        except ValueError as error:
            self.wrong(name, Str(error), holds="cannot be used")
            return database_urls.parse(default)
