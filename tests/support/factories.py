"""Rows for tests. Public rows go in as PantryTrak writes them, with all columns filled."""

import itertools
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from registrations.models import Household, HouseholdMember
from schedules import sandbox
from schedules.keys import date_key
from schedules.models import Event, EventDate, EventHour, EventSlot

NOON = datetime(2026, 6, 17, 12, tzinfo=ZoneInfo("America/New_York"))
"""The time at which tests that do not commit take place."""


def today() -> date:
    return timezone.localtime().date()


def in_days(days: int) -> int:
    """The date key of the day that many days from today."""
    return date_key(today() + timedelta(days=days))


class PublicFactory(DjangoModelFactory):
    class Meta:
        abstract = True

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **kwargs: Any) -> Any:
        row = model_class(*args, **kwargs)
        sandbox.insert(row)
        return row


class EventFactory(PublicFactory):
    class Meta:
        model = Event

    event_id = factory.Sequence(lambda n: 100 + n)
    event_name = factory.Sequence(lambda n: f"Pantry {n}")
    time_zone = "America/New_York"


class EventDateFactory(PublicFactory):
    class Meta:
        model = EventDate

    event_date_id = factory.Sequence(lambda n: 1000 + n)
    event = factory.SubFactory(EventFactory)
    event_date_key = factory.LazyFunction(lambda: in_days(7))
    published_date_key = factory.LazyFunction(lambda: in_days(-7))
    capacity = 10
    start_time_key = 900
    end_time_key = 1200


class EventHourFactory(PublicFactory):
    class Meta:
        model = EventHour

    event_hour_id = factory.Sequence(lambda n: 5000 + n)
    event_date = factory.SubFactory(EventDateFactory)
    capacity = 10
    start_time_key = 900
    end_time_key = 1000


class EventSlotFactory(PublicFactory):
    class Meta:
        model = EventSlot

    event_slot_id = factory.Sequence(lambda n: 60000 + n)
    event_hour = factory.SubFactory(EventHourFactory)
    capacity = 1
    start_time_key = 930
    end_time_key = 945


def slot_today(**options: Any) -> Any:
    """A slot at which attendance can be recorded now."""
    return EventSlotFactory(event_hour__event_date__event_date_key=in_days(0), **options)


class HouseholdFactory(DjangoModelFactory):
    class Meta:
        model = Household
        skip_postgeneration_save = True

    number = factory.Sequence(lambda n: n + 1)
    name = factory.Sequence(lambda n: f"Family {n}")
    identification_code = factory.Sequence(lambda n: f"H-{n:06}")

    @factory.post_generation
    def size(self, create: bool, extracted: int | None, **kwargs: Any) -> None:
        MemberFactory.create_batch(1 if extracted is None else extracted, household=self)


class MemberFactory(DjangoModelFactory):
    class Meta:
        model = HouseholdMember

    household = factory.SubFactory(HouseholdFactory, size=0)
    first_name = factory.Sequence(lambda n: f"First{n}")
    last_name = "Last"
    date_of_birth = date(1980, 1, 15)
    added_by = "test"
    created_at = factory.LazyFunction(timezone.now)
    updated_at = factory.LazyFunction(timezone.now)


_batch = itertools.count()


def households(count: int) -> list[Household]:
    """Many households with one member each, in a few statements."""
    batch, now = next(_batch), timezone.now()
    Household.objects.bulk_create(
        Household(number=n, name=f"Family {batch}-{n}", identification_code=f"B{batch}-{n}")
        for n in range(count)
    )
    # Read back: MySQL does not return the ids of a bulk insert.
    made = list(
        Household.objects.filter(identification_code__startswith=f"B{batch}-").order_by("pk")
    )
    HouseholdMember.objects.bulk_create(
        HouseholdMember(
            household=household,
            first_name="First",
            last_name="Last",
            added_by="test",
            date_of_birth=date(1980, 1, 15),
            created_at=now,
            updated_at=now,
        )
        for household in made
    )
    return made
