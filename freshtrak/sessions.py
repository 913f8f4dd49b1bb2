"""How long a log-in at the desk lasts: a shift, and less on a tablet that nobody touches.

SESSION_HOURS after the log-in, or SESSION_IDLE_MINUTES after the last thing that a person did, the
session is deleted. What the day view asks by itself keeps no session alive.
"""

import time

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest

_KEY = "log_in"
_BY_ITSELF = "/counters/"
"""The end of the address that the day view asks every few seconds."""
_NOTED_EVERY = 60
"""Seconds between two writes of when a person was last there."""


def begin(request: HttpRequest) -> None:
    """Notes the log-in, from which the time runs."""
    now = int(time.time())
    request.session[_KEY] = {"began": now, "seen": now}


def user_of(request: HttpRequest) -> User | AnonymousUser:
    """Who is logged in. Ends the session first if its time is over."""
    now = int(time.time())
    if _is_over(request.session, now):
        request.session.flush()
    elif not request.path.endswith(_BY_ITSELF):
        _note(request.session, now)
    return get_user(request)


def _is_over(session: SessionBase, now: int) -> bool:
    log_in = session.get(_KEY)
    return log_in is not None and (
        now - log_in["began"] >= settings.SESSION_HOURS * 3600
        or now - log_in["seen"] >= settings.SESSION_IDLE_MINUTES * 60
    )


def _note(session: SessionBase, now: int) -> None:
    log_in = session.get(_KEY)
    if log_in is not None and now - log_in["seen"] >= _NOTED_EVERY:
        session[_KEY] = {**log_in, "seen": now}
