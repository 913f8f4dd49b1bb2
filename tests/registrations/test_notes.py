"""Notes of staff: written, read, erased; the trail knows that, and not the text."""

from functools import partial
from typing import Any

import pytest
from django.db import connections
from rest_framework.test import APIClient

from audit.models import AuditEvent
from freshtrak.databases import PRIVATE
from registrations.errors import (
    ChangedMeanwhile,
    HouseholdNotResolved,
    InvalidRequest,
    RegistrationError,
)
from registrations.models import EventRegistration, Household, Note
from registrations.services import notes
from tests.support import booking as b
from tests.support import factories, rest, tokens

SECRET = "Allergic to hazelnuts"


def _write(household: Household, seen: dict[str, str] | None = None, **texts: str) -> None:
    notes.write_standing(household.pk, texts=texts, seen=seen or {}, by=b.STAFF)


def _texts(household: Household) -> dict[str, str]:
    return dict(household.notes.values_list("kind", "text"))


def _trail() -> list[dict[str, Any]]:
    events = AuditEvent.objects.filter(action="note_changed").order_by("pk")
    return [event.details for event in events]


def test_standing_notes_are_added_changed_and_erased(household: Household) -> None:
    _write(household, allergy=f" {SECRET} ", language="Twi", proxy="")
    _write(household, {"allergy": SECRET, "language": "Twi"}, allergy="", language="Twi, English")

    assert _texts(household) == {"language": "Twi, English"}
    assert _trail() == [
        {"note": "allergy", "was": "added"},
        {"note": "language", "was": "added"},
        {"note": "allergy", "was": "erased"},
        {"note": "language", "was": "changed"},
    ]
    assert set(AuditEvent.objects.values_list("household_id", "actor_id")) == {
        (household.pk, b.STAFF.id)
    }


def test_an_erased_text_is_nowhere(household: Household) -> None:
    _write(household, allergy=SECRET)
    _write(household, {"allergy": SECRET}, allergy="")

    connection = connections[PRIVATE]
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            assert "hazelnuts" not in str(cursor.fetchall()), table


def test_what_did_not_change_is_not_written(household: Household) -> None:
    _write(household, allergy=SECRET)

    # Somebody else's page, opened before: it shows no allergy, and sends none.
    _write(household, {"allergy": "", "language": ""}, allergy="", language="Twi")

    assert _texts(household) == {"allergy": SECRET, "language": "Twi"}


def test_a_note_that_somebody_else_changed_is_not_overwritten(household: Household) -> None:
    _write(household, allergy=SECRET)

    with pytest.raises(ChangedMeanwhile):
        _write(household, {"allergy": ""}, allergy="None", language="Twi")

    assert _texts(household) == {"allergy": SECRET}


def test_long_notes_and_deleted_households_are_refused(household: Household) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        _write(household, allergy="x" * 501)
    assert [error.field for error in refusal.value.errors] == ["allergy"]

    Household.objects.update(deleted_on="2026-01-01T00:00Z")
    with pytest.raises(HouseholdNotResolved):
        _write(household, allergy=SECRET)
    assert (Note.objects.count(), _trail()) == (0, [])


@pytest.fixture
def registration(household: Household) -> EventRegistration:
    row: EventRegistration = b.register(household, factories.EventSlotFactory())
    return row


def test_a_note_on_a_registration(registration: EventRegistration) -> None:
    write = partial(notes.write, registration, by=b.STAFF)
    write(text="Son picks up", seen="")
    write(text="", seen="Son picks up")

    assert Note.objects.count() == 0
    assert [details["was"] for details in _trail()] == ["added", "erased"]
    events = AuditEvent.objects.filter(action="note_changed")
    assert set(events.values_list("registration_id", flat=True)) == {registration.pk}


def test_the_api_tells_participants_nothing_of_notes(
    client: APIClient, registration: EventRegistration, household: Household
) -> None:
    _write(household, allergy=SECRET)
    notes.write(registration, text="Son picks up", seen="", by=b.STAFF)
    own = f"{rest.PATH}{registration.pk}/"
    participant = rest.as_(client, tokens.of_household(household))

    for path in (rest.PATH, own, f"{own}history/", "/api/v1/households/me/"):
        answer = participant.get(path).content.decode()
        assert "hazelnuts" not in answer
        assert "picks up" not in answer
        assert "note" not in answer, path
    staff = rest.as_(APIClient(), tokens.of_staff()).get(f"{own}history/").json()
    assert [event["action"] for event in staff["results"]] == ["registered", "note_changed"]


@pytest.mark.real_commits
@pytest.mark.parametrize("before", ["", "Twi"])
def test_of_two_who_write_the_same_note_at_once_one_is_refused(
    household: Household, before: str
) -> None:
    if before:
        _write(household, language=before)

    def outcome(text: str) -> str:
        try:
            _write(household, {"language": before}, language=text)
        except RegistrationError as refusal:
            return refusal.code
        return text

    outcomes = b.in_parallel(partial(outcome, "Fante"), partial(outcome, "Ewe"))

    (refused,) = set(outcomes) - {"Fante", "Ewe"}
    (written,) = set(outcomes) & {"Fante", "Ewe"}
    assert refused == ChangedMeanwhile.code
    assert _texts(household) == {"language": written}


@pytest.mark.mariadb  # on SQLite the first of the two has the database for itself
@pytest.mark.real_commits
@pytest.mark.parametrize(("before", "step"), [("", "_insert"), ("Twi", "_replace")])
def test_a_note_that_changes_after_it_was_read_is_not_overwritten(
    monkeypatch: pytest.MonkeyPatch, household: Household, before: str, step: str
) -> None:
    if before:
        _write(household, language=before)
    write_one, others = getattr(notes, step), ["Ewe"]

    def overtaken(*args: Any, **kwargs: Any) -> None:
        if others:
            text = others.pop()
            b.in_parallel(partial(_write, household, {"language": before}, language=text))
        write_one(*args, **kwargs)

    monkeypatch.setattr(notes, step, overtaken)

    with pytest.raises(ChangedMeanwhile):
        _write(household, {"language": before}, language="Fante")

    assert _texts(household) == {"language": "Ewe"}
