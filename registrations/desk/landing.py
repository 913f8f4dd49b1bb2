"""Where staff land after the log-in: the day at the gate, or an overview for who plans."""

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from registrations.desk import common
from registrations.queries import occupancy
from registrations.queries.overlooked import Overlooked, overlooked

COMING = timedelta(days=14)
"""How far the list of coming days reaches. Who waits beside a free place is shown for longer."""


def show(request: HttpRequest) -> HttpResponse:
    """The day for those who only work at the gate; for others today, the coming days, and where
    somebody waits although a place is free."""
    common.check_permission(request, "view")
    if not common.has_permission(request, "move"):
        return redirect("admin:registrations_days")
    now = timezone.now()
    today = timezone.localtime(now).date()
    try:
        days, is_down = occupancy.upcoming(now), False
        waiting = overlooked(days)
    except common.DOWN:
        days, waiting, is_down = [], [], True
    return common.page(
        request,
        "landing.html",
        f"Today, {today:%A, %B} {today.day}",
        today=[day for day in days if day.event_date.date == today],
        coming=[
            day
            for day in days
            if day.event_date.date and today < day.event_date.date <= today + COMING
        ],
        overlooked=[(each, _address(each)) for each in waiting],
        warning=common.SCHEDULES_DOWN if is_down else "",
    )


def _address(each: Overlooked) -> str:
    """The day, with only the people of the slot."""
    day = reverse("admin:registrations_day", args=[each.event_date.pk])
    return day if each.place.target.is_date else f"{day}?slot={each.place.target.id}"
