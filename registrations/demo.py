"""A made-up month of a food bank: events with and without slots, bookings, a waitlist."""

import itertools
import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import connections, transaction
from django.utils import timezone

from audit import trail
from freshtrak.databases import PRIVATE, PUBLIC
from registrations.errors import AlreadyRegistered
from registrations.models import (
    EventRegistration,
    Household,
    HouseholdMember,
    HouseholdProfile,
    Note,
)
from registrations.services import attendance, booking
from schedules import sandbox
from schedules.keys import date_key
from schedules.models import Event, EventDate, EventHour, EventSlot
from schedules.targets import Target


class NotTheDemo(Exception):
    """The public database has events that are not the demo's."""


STAFF = {"frontdesk": "Front desk", "coordinator": "Coordinator", "admin": "Administrator"}
PASSWORD = "demo"  # noqa: S105

_DESCRIPTION = "Fresh produce, bread and dairy. Bring bags or a cart; no paperwork needed."
EVENTS = [
    Event(
        event_id=101,
        event_name="Riverside Community Pantry",
        event_nickname="Riverside",
        address1="418 Front Street",
        city="Columbus",
        state="OH",
        zip="43215",
        time_zone="America/New_York",
        pub_desc_long=_DESCRIPTION,
    ),
    Event(
        event_id=102,
        event_name="St. Stephen's Fresh Market",
        event_nickname="St. Stephen's",
        address1="1500 East 17th Avenue",
        city="Columbus",
        state="OH",
        zip="43219",
        time_zone="America/New_York",
        pub_desc_long=_DESCRIPTION,
    ),
    Event(
        event_id=103,
        event_name="Westgate Mobile Pantry",
        event_nickname="Westgate",
        address1="455 South Westgate Avenue",
        city="Columbus",
        state="OH",
        zip="43204",
        time_zone="",
        pub_desc_long="Straight from the truck, while supplies last.",
    ),
]

_SURNAMES = [
    "Rivera",
    "Johnson",
    "Nguyen",
    "Okafor",
    "Miller",
    "Haddad",
    "Kowalski",
    "Thompson",
    "Garcia",
    "Ali",
    "Brown",
    "Tran",
    "Schmidt",
    "Williams",
    "Mensah",
    "Lopez",
    "Fisher",
    "Adeyemi",
    "Clark",
    "Ivanova",
    "Murphy",
    "Patel",
    "Young",
    "Diallo",
    "Reed",
    "Castillo",
    "Novak",
    "Hughes",
    "Farah",
    "Bennett",
]
_FIRST_NAMES = [
    "Maria",
    "James",
    "Linh",
    "Amara",
    "Grace",
    "Omar",
    "Anna",
    "Marcus",
    "Sofia",
    "Yusuf",
    "Dorothy",
    "Minh",
    "Peter",
    "Denise",
    "Kofi",
    "Elena",
    "Ruth",
    "Tunde",
    "Harold",
    "Irina",
    "Sean",
    "Priya",
    "Alice",
    "Mariama",
    "Walter",
    "Luz",
    "Petra",
    "Owen",
    "Hodan",
    "Joyce",
]


def seed(now: datetime) -> None:
    """Fills the databases unless they are filled. Raises NotTheDemo, ImproperlyConfigured."""
    if "events" not in connections[PUBLIC].introspection.table_names():
        sandbox.create_tables()
    names = set(Event.objects.values_list("event_name", flat=True))
    if names == {event.event_name for event in EVENTS}:
        return
    if names:
        raise NotTheDemo(
            f"{connections[PUBLIC].settings_dict['NAME']} has events that are not the demo's. "
            "Point PUBLIC_DATABASE_URL at an empty database."
        )
    today = timezone.localtime(now).date()
    with transaction.atomic(using=PRIVATE):
        households = _make_households(now)
        if settings.DEBUG:  # the password is no secret
            _make_staff()
    with transaction.atomic(using=PUBLIC):
        for event in EVENTS:
            sandbox.insert(event)
        slots, dates = _make_month(today)
    _book(households, slots, dates)


def something_to_book(now: datetime) -> tuple[int, int, list[int]] | None:
    """A slot with a free place, a household without a place that day, and its members."""
    for slot in (
        EventSlot.objects.public(now)
        .with_schedule()
        .order_by("event_hour__event_date__event_date_key", "event_slot_id")
    ):
        day = slot.event_hour.event_date
        if slot.reserved >= slot.capacity or slot.closed_reason(now):
            continue
        booked = EventRegistration.objects.active().filter(event_date_id=day.pk)
        household = (
            Household.objects.filter(identification_code__startswith="DEMO-")
            .exclude(pk__in=booked.values("household_id"))
            .order_by("pk")
            .first()
        )
        if household is not None:
            return slot.pk, household.pk, [member.pk for member in household.members.all()]
    return None


_ZIP_CODES = ("43215", "43219", "43204", "43206")
_NOTES = {
    "Nguyen": (Note.Kind.LANGUAGE, "Vietnamese; the daughter translates"),
    "Miller": (Note.Kind.PROXY, "Her neighbor, Ruth Brown"),
    "Haddad": (Note.Kind.ALLERGY, "Peanuts"),
    "Kowalski": (Note.Kind.WHEELCHAIR, "Bring the box to the car"),
}


def _make_households(now: datetime) -> list[Household]:
    chance = random.Random(7)  # noqa: S311
    first_names = itertools.cycle(_FIRST_NAMES)
    households = []
    for number, surname in enumerate(_SURNAMES, start=1):
        household = Household.objects.create(
            number=number, name=surname, identification_code=f"DEMO-{number:03}"
        )
        for position in range(chance.randint(1, 4)):
            HouseholdMember.objects.create(
                household=household,
                user_id=1000 + number if position == 0 else None,
                first_name=next(first_names),
                last_name=surname,
                date_of_birth=date(1950 + chance.randint(0, 70), chance.randint(1, 12), 15),
                is_head_of_household=position == 0,
                added_by="demo",
                created_at=now,
                updated_at=now,
            )
        zip_code = _ZIP_CODES[number % len(_ZIP_CODES)]
        HouseholdProfile.objects.create(household=household, zip_code=zip_code)
        if surname in _NOTES:
            kind, text = _NOTES[surname]
            Note.objects.create(household=household, kind=kind, text=text)
        households.append(household)
    return households


def _make_staff() -> None:
    """One user per staff group."""
    for name, group in STAFF.items():
        user, _ = get_user_model().objects.get_or_create(username=name, defaults={"is_staff": True})
        user.set_password(PASSWORD)
        user.save()
        user.groups.add(Group.objects.get(name=group))


def _make_month(today: date) -> tuple[list[EventSlot], list[EventDate]]:
    """Riverside on Tuesdays and Thursdays, St. Stephen's on Saturdays, Westgate on Mondays.

    Riverside also distributes today, whatever day it is.
    """
    slots: list[EventSlot] = []
    date_only: list[EventDate] = []
    weekdays = {1: EVENTS[0], 3: EVENTS[0], 5: EVENTS[1], 0: EVENTS[2]}
    for days in range(31):
        day = today + timedelta(days=days)
        event = weekdays.get(day.weekday()) if days else EVENTS[0]
        if event is EVENTS[2]:
            date_only.append(_make_date(event, day, capacity=60, start=1400, end=1600))
        elif event is not None:
            slots += _make_slots(_make_date(event, day, capacity=48, start=900, end=1200))
    return slots, date_only


def _make_date(event: Event, day: date, *, capacity: int, start: int, end: int) -> EventDate:
    event_date = EventDate(
        event=event,
        event_date_key=date_key(day),
        capacity=capacity,
        start_time_key=start,
        end_time_key=end,
        accept_walkin=1,
        published_date_key=date_key(day - timedelta(days=45)),
    )
    sandbox.insert(event_date)
    return event_date


def _make_slots(day: EventDate) -> Iterator[EventSlot]:
    """Three hours with four slots each, four places per slot."""
    for start in (900, 1000, 1100):
        hour = EventHour(
            event_date=day, capacity=16, start_time_key=start, end_time_key=start + 100
        )
        sandbox.insert(hour)
        for quarter in range(4):
            ends = start + (quarter + 1) * 15
            slot = EventSlot(
                event_hour=hour,
                capacity=4,
                start_time_key=start + quarter * 15,
                end_time_key=ends if quarter < 3 else start + 100,
            )
            sandbox.insert(slot)
            yield slot


def _book(households: list[Household], slots: list[EventSlot], dates: list[EventDate]) -> None:
    """Books through the services: two slots are full and have a waitlist, others fill partly."""
    chance = random.Random(11)  # noqa: S311
    wishes: list[tuple[Household, int | None, int | None]] = [
        (household, slot.pk, None)
        for slot in (slots[0], slots[12])
        for household in households[1:8]
    ]
    wishes += [(h, slots[1 + n % 11].pk, None) for n, h in enumerate(households[8:])]
    for slot in chance.sample(slots[24:], 24):
        wishes += [(h, slot.pk, None) for h in chance.sample(households[8:], 3)]
    for day in dates:
        wishes += [(h, None, day.pk) for h in chance.sample(households[8:], 9)]
    for household, slot_id, date_id in wishes:
        members = [member.pk for member in household.members.all()]
        try:
            booking.register(
                household_id=household.pk,
                attendee_ids=members,
                target=Target.of(event_slot_id=slot_id, event_date_id=date_id),
                by=trail.SYSTEM,
            )
        except AlreadyRegistered:
            continue  # drawn twice for the same day
    for registration in EventRegistration.objects.at(Target.slot(slots[0].pk)).filter(
        waitlisted_at=None
    )[:3]:
        attendance.check_in(registration, override_reason="demo", by=trail.SYSTEM)
