"""Where staff land after the log-in."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import OperationalError, connections
from django.test import Client
from django.utils import timezone

from freshtrak.databases import PUBLIC
from schedules.models import EventDate, EventSlot
from tests.support import booking as b
from tests.support import desk, factories


def _landing(client: Client) -> str:
    return desk.text_of(client.get("/admin/", follow=True))


def _date(days: int, name: str, **options: Any) -> EventDate:
    return factories.EventDateFactory(
        event_date_key=factories.in_days(days), event__event_name=name, **options
    )


def test_the_front_desk_lands_on_the_only_distribution_of_today() -> None:
    today = _date(0, "Gate")
    anna = desk.log_in("Front desk")

    answer = anna.get("/admin/", follow=True)

    assert answer.redirect_chain[-1][0] == f"{desk.LIST}{desk.day(today)}"
    assert "Gate" in desk.text_of(answer)


def test_with_two_distributions_it_chooses() -> None:
    _date(0, "Gate"), _date(0, "Market")

    page = _landing(desk.log_in("Front desk"))

    assert "Distributions on Wednesday, June 17" in page
    assert "Gate" in page
    assert "Market" in page


@pytest.mark.parametrize("group", ["Coordinator", "Administrator"])
def test_others_land_on_today_and_the_coming_days(group: str) -> None:
    _date(0, "Gate"), _date(3, "Market", capacity=7), _date(15, "Later"), _date(-1, "Before")

    page = _landing(desk.log_in(group))

    assert "Today, Wednesday, June 17" in page
    assert "Gate 9 a.m.–noon" in page
    assert "Sat Jun 20 Market 0 of 7" in page
    assert "Later" not in page
    assert "Before" not in page
    assert "Somebody waits" not in page


def test_it_shows_where_somebody_waits_although_a_place_is_free() -> None:
    now = timezone.now()
    closed = _date(20, "Market", published_end_datetime=now + timedelta(hours=1))
    slot = factories.EventSlotFactory(event_hour__event_date=closed, capacity=1)
    full = factories.EventSlotFactory(event_hour__event_date=closed, capacity=1)
    raised = _date(0, "Truck", capacity=1)
    for place, count in ((slot, 3), (full, 2), (raised, 2)):
        for household in factories.households(count):
            b.register(household, place)
    EventSlot.objects.filter(pk=slot.pk).update(capacity=2)
    EventDate.objects.filter(pk=raised.pk).update(capacity=5)

    answer = desk.log_in("Coordinator").get("/admin/")

    page = desk.text_of(answer)
    assert "Wed Jun 17, 9 a.m.–noon , Truck: 1 waits , 4 of 5 free" in page
    assert "Tue Jul 7, 9:30 a.m.–9:45 a.m. , Market: 2 wait , 1 of 2 free" in page
    assert page.index("Truck: 1 waits") < page.index("Market: 2 wait")
    assert page.count("free") == 3  # the heading too
    assert f"days/{closed.pk}/?slot={slot.pk}" in answer.content.decode()


def test_nobody_who_cannot_be_given_the_place_counts() -> None:
    slot = factories.EventSlotFactory(capacity=0)
    gone, left = factories.households(2)
    for household in (gone, left):
        b.register(household, slot)
    EventSlot.objects.update(capacity=2)
    coordinator = desk.log_in("Coordinator")
    assert "2 wait" in _landing(coordinator)

    gone.deleted_on = timezone.now()
    gone.save()
    left.members.update(is_active=False)

    assert "Somebody waits" not in _landing(coordinator)


def test_without_any_permission_there_is_nothing_to_see() -> None:
    client = Client()
    user = get_user_model().objects.create_user("new", is_staff=True)
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")

    assert "You don’t have permission to view or edit anything." in _landing(client)


def test_every_list_is_one_link_away() -> None:
    page = desk.log_in("Administrator").get("/admin/").content.decode()
    everything = desk.text_of(desk.log_in("Administrator", "ada").get("/admin/all/"))

    assert 'href="/admin/all/"' in page
    for name in ("Event slots", "Households", "Users", "Trail entries"):
        assert name in everything


@pytest.mark.real_commits
def test_it_opens_without_public() -> None:
    def no_answer(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError(2002, "Can't connect to server")

    coordinator, anna = desk.log_in("Coordinator", "carl"), desk.log_in("Front desk")
    with connections[PUBLIC].execute_wrapper(no_answer):
        pages = [_landing(coordinator), _landing(anna)]

    for page in pages:
        assert "schedules are temporarily unavailable" in page


def test_it_runs_a_fixed_number_of_queries() -> None:
    coordinator = desk.log_in("Coordinator")

    def queries(dates: int) -> int:
        for days in range(dates):
            hour = factories.EventHourFactory(event_date=_date(days, "Market"))
            slots = factories.EventSlotFactory.create_batch(2, event_hour=hour, capacity=0)
            for household, slot in zip(factories.households(2), slots, strict=True):
                b.register(household, slot)
        EventSlot.objects.update(capacity=1)
        return len(b.statements(lambda: _landing(coordinator)))

    queries(1)
    assert queries(1) == queries(12)
