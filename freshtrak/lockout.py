"""Who is locked out after wrong passwords, until when, and how an administrator ends it early.

axes counts the failures of a user name from an address and locks that pair.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

import structlog
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.dateformat import format as format_date

from audit.trail import Actor
from freshtrak import error_pages
from freshtrak.middleware import API

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Lock:
    username: str
    ip_address: str
    ends_at: datetime

    @property
    def until(self) -> datetime:
        """For people: in the next minute, because their clock shows no seconds."""
        return timezone.localtime(self.ends_at + timedelta(minutes=1))


def locks(username: str | None = None, ip_address: str | None = None) -> list[Lock]:
    """The locks that hold now, of this name and address or of all; the first to end first."""
    attempts = AccessAttempt.objects.filter(
        attempt_time__gte=timezone.now() - settings.AXES_COOLOFF_TIME, username__isnull=False
    )
    if username is not None:
        attempts = attempts.filter(username=username, ip_address=ip_address)
    # One row for each browser; axes adds them up.
    by_pair = defaultdict(list)
    for attempt in attempts.order_by("attempt_time"):
        by_pair[attempt.username, attempt.ip_address].append(attempt)
    found = [
        Lock(name, address, ends_at)
        for (name, address), attempts_of_pair in by_pair.items()
        if (ends_at := _end(attempts_of_pair)) is not None
    ]
    return sorted(found, key=lambda lock: lock.ends_at)


def _end(attempts: Sequence[AccessAttempt]) -> datetime | None:
    """When so many of these (the oldest first) are forgotten that the rest does not lock."""
    failures: int = sum(attempt.failures_since_start for attempt in attempts)
    if failures < settings.AXES_FAILURE_LIMIT:
        return None
    cooloff: timedelta = settings.AXES_COOLOFF_TIME
    for attempt in attempts:
        failures -= attempt.failures_since_start
        if failures < settings.AXES_FAILURE_LIMIT:
            break
    ends_at: datetime = attempt.attempt_time + cooloff
    return ends_at


def unlock(username: str, ip_address: str, *, by: Actor) -> bool:
    """Ends the lock at once; False if there is none. The log says who did it, for whom by id."""
    attempts = AccessAttempt.objects.filter(username=username, ip_address=ip_address)
    if not attempts.delete()[0]:
        return False
    user = get_user_model().objects.filter(username=username).first()
    log.info(
        "log_in_unlocked",
        user_id=user.pk if user else None,  # names are for no log
        actor=f"{by.kind}:{by.id}",
    )
    return True


def answer(
    request: HttpRequest, refusal: HttpResponse | None, credentials: dict[str, str] | None = None
) -> HttpResponse:
    """The page for somebody who is locked out; axes calls it. The API has its own answer."""
    if refusal is not None and request.path.startswith(API):
        return refusal
    now = timezone.now()
    username = (credentials or {}).get("username") or request.POST.get("username", "")
    address = getattr(request, "axes_ip_address", "")
    found = locks(username, address)
    lock = found[0] if found else Lock(username, address, now + settings.AXES_COOLOFF_TIME)
    at = format_date(lock.until, "P").rstrip(".")
    return error_pages.page(
        "Too many wrong passwords",
        f"Log-in as {username} from here is locked until {at}. "
        "An administrator can unlock it before that, under Users.",
        status=429,
        retry_after=ceil((lock.ends_at - now).total_seconds()),
        link=(request.get_full_path(), "Log in as somebody else"),
    )
