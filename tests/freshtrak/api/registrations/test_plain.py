"""The plain functions do what their serializers do, with ordinary and with odd input."""

import itertools
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from rest_framework.exceptions import ValidationError
from rest_framework.utils.encoders import JSONEncoder

from audit.models import CheckIn
from freshtrak.api.registrations import plain
from freshtrak.api.registrations.serializers import (
    RegisterInputSerializer,
    RegistrationOutputSerializer,
)
from freshtrak.api.serializers import validated
from registrations.models import EventRegistration, Status
from registrations.queries import details
from tests.support import booking as b
from tests.support import factories

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2**64),
    st.floats(allow_nan=False),
    st.text(max_size=3),
    st.lists(st.integers(-1, 2**64), max_size=3),
)
IDS = st.integers(1, 2**32 - 1)
ORDINARY = st.fixed_dictionaries(
    {"attendees": st.lists(IDS, min_size=1, max_size=4)},
    optional={"event_slot_id": IDS, "event_date_id": IDS, "waitlist": st.booleans()},
)
NAMES = ["event_slot_id", "event_date_id", "event_id", "household_id", "attendees", "waitlist"]
BODIES = st.one_of(
    ORDINARY,
    ODD,
    st.dictionaries(st.sampled_from([*NAMES, "override_reason", "other"]), ODD | IDS),
    st.tuples(ORDINARY, st.dictionaries(st.sampled_from(NAMES), ODD)).map(lambda t: t[0] | t[1]),
)


def _outcome(read: Any, body: object) -> Any:
    try:
        return dict(read(body))
    except ValidationError as error:
        return error.get_full_details()


@settings(deadline=None)
@given(BODIES)
def test_read_booking_matches_its_serializer(body: object) -> None:
    expected = _outcome(lambda data: validated(RegisterInputSerializer, data), body)

    assert _outcome(plain.read_booking, body) == expected


def test_read_booking_needs_no_serializer_if_ordinary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(plain, "validated")

    assert plain.read_booking({"event_slot_id": 5, "attendees": [1]})["waitlist"] is True


@pytest.mark.parametrize("status", Status)
def test_render_registration_matches_its_serializer(status: Status) -> None:
    household = factories.HouseholdFactory(size=2)
    registration = b.register(household, factories.EventSlotFactory(capacity=1))
    moment = timezone.now() - timedelta(days=200)
    EventRegistration.objects.update(
        created_at=moment,
        checked_in_at=moment if status is Status.CHECKED_IN else None,
        waitlisted_at=moment if status is Status.WAITLISTED else None,
        cancelled_at=moment if status is Status.CANCELLED else None,
    )
    registration = EventRegistration.objects.get()

    (shown,) = details.read([registration])
    record = CheckIn(actor_id="99", household_member_ids=[shown.attendees[0].pk])
    checked_in = replace(shown, check_in=record)

    for each, is_staff in itertools.product((shown, checked_in), (True, False)):
        serializer = RegistrationOutputSerializer(each, context={"is_staff": is_staff})
        by_serializer = json.loads(json.dumps(serializer.data, cls=JSONEncoder))
        rendered = plain.render_registration(each, is_staff=is_staff)
        assert rendered == by_serializer
        assert list(rendered) == list(by_serializer)
        assert list(rendered["attendees"][0]) == list(by_serializer["attendees"][0])


def test_render_registration_of_an_empty_one_matches_its_serializer() -> None:
    registration = EventRegistration.objects.create()
    shown = details.RegistrationDetails(registration)

    by_serializer = json.loads(
        json.dumps(RegistrationOutputSerializer(shown).data, cls=JSONEncoder)
    )
    assert plain.render_registration(shown) == by_serializer
