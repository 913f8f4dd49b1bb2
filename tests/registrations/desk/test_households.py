"""Staff enter, correct and merge households, and write notes."""

from datetime import date
from typing import Any

import pytest
from django.test import Client

from registrations.models import EventRegistration, Household, HouseholdProfile, Note
from registrations.services import enrolment
from registrations.services.enrolment import Person
from schedules.models import EventSlot
from tests.support import booking as b
from tests.support import desk, factories

ROWS = {"members-TOTAL_FORMS": 0, "members-INITIAL_FORMS": 0}
"""No names of others."""


@pytest.fixture
def anna() -> Client:
    return desk.log_in("Front desk")


@pytest.fixture
def slot() -> EventSlot:
    return factories.EventSlotFactory(
        capacity=1,
        event_hour__event_date__event_date_key=factories.in_days(0),
        event_hour__event_date__accept_walkin=1,
    )


@pytest.fixture
def okafor() -> Household:
    head = Person("Ama", "Okafor", date(1980, 2, 3))
    return enrolment.enrol(head=head, people=2, by=b.STAFF)


def _gate(slot: EventSlot) -> str:
    return f"days/{slot.event_hour.event_date_id}/walk-in/?new=yes"


def _form(slot: EventSlot, **fields: Any) -> dict[str, Any]:
    head = {"first_name": "Ama", "last_name": "Okafor", "people": 3, "zip_code": "43215"}
    return {**ROWS, **head, "target": f"slot-{slot.pk}", **fields}


def _household(household: Household, page: str = "edit") -> str:
    return f"households/{household.pk}/{page}/"


def test_somebody_new_is_entered_registered_and_checked_in(anna: Client, slot: EventSlot) -> None:
    chooser = desk.page(anna, _gate(slot).replace("?new=yes", ""), q="Ama Okafor")
    opened = anna.get(f"{desk.LIST}{_gate(slot)}&q=Ama Okafor").content.decode()
    result = desk.post(anna, _gate(slot), **_form(slot))

    assert "Somebody new" in chooser
    assert 'value="Ama"' in opened
    assert 'value="Okafor"' in opened
    assert "Entered: Okafor Household, 3 people." in result
    assert "✓ checked in at" in result
    registration = EventRegistration.objects.get()
    assert (b.status_of(registration), registration.attendees.count()) == ("checked_in", 3)
    assert HouseholdProfile.objects.get().zip_code == "43215"
    assert b.drift() == {}


def test_names_of_others_are_taken(anna: Client, slot: EventSlot) -> None:
    rows = {
        "members-TOTAL_FORMS": 3,
        "members-1-first_name": "Kofi",
        "members-1-date_of_birth": "2016-05-04",
    }

    wrong = desk.post(anna, _gate(slot), **_form(slot, **rows, people=1))
    desk.post(anna, _gate(slot), **_form(slot, **rows))

    assert "You named 2 people." in wrong
    names = [str(member) for member in Household.objects.get().members.order_by("pk")]
    assert names == ["Ama Okafor", "Kofi Okafor", "Member 3 Okafor"]


def test_refusals_stand_at_their_fields_and_nothing_is_entered(
    anna: Client, slot: EventSlot
) -> None:
    EventSlot.objects.update(capacity=0)

    empty = desk.post(anna, _gate(slot), **ROWS)
    wrong = desk.post(anna, _gate(slot), **_form(slot, people=21, zip_code="x"))
    no_zip = desk.post(anna, _gate(slot), **_form(slot, zip_code="4321"))
    full = desk.post(anna, _gate(slot), **_form(slot))

    assert "How many people, with this one?" in empty
    assert "Choose a slot." in empty
    assert "A household has at most 20 people here." in wrong
    assert "A ZIP code has five digits" in no_zip
    assert "No place is left." in full
    assert "The household was not entered; what you typed is still here." in full
    assert Household.objects.count() == 0


def test_a_likely_duplicate_is_shown_before_anything_is_saved(
    anna: Client, slot: EventSlot, okafor: Household
) -> None:
    hint = anna.post(f"{desk.LIST}{_gate(slot)}", _form(slot)).content.decode()

    assert "Is it one of these?" in hint
    assert f'href="?household={okafor.pk}"' in hint
    assert "born Feb 3, 1980" in hint
    assert Household.objects.count() == 1

    another_name = _form(slot, checked="esi|okafor|", last_name="Okafor")
    assert "Is it one of these?" in desk.post(anna, _gate(slot), **another_name)
    desk.post(anna, _gate(slot), **_form(slot, checked="ama|okafor|"))
    assert Household.objects.count() == 2


def test_a_likely_duplicate_with_a_registration_on_the_day_leads_to_it(
    anna: Client, slot: EventSlot, okafor: Household
) -> None:
    registration = b.register(okafor, slot)

    hint = anna.post(f"{desk.LIST}{_gate(slot)}", _form(slot)).content.decode()

    assert f"?q={registration.confirmation_code}" in hint
    assert f"?household={okafor.pk}" not in hint


def test_a_household_is_entered_without_a_place(anna: Client) -> None:
    add = "../household/add/"

    opened = desk.page(anna, add)
    result = desk.post(anna, add, **ROWS, first_name="Ama", last_name="Okafor", people=2)

    assert "Head of the household" in opened
    assert "Entered: Okafor Household, 2 people." in result
    assert "Member 2 Okafor" in result
    assert "1900" not in result
    assert EventRegistration.objects.count() == 0


def _rows(household: Household, *changes: dict[str, Any]) -> dict[str, Any]:
    """What the page sends: the members in its order, with changes; `changes` may go on."""
    data: dict[str, Any] = {"seen": household.updated_at.isoformat(), "zip_code": ""}
    members = list(household.members.order_by("-is_active", "-is_head_of_household", "pk"))
    for place, change in enumerate(changes):
        row = {}
        if place < len(members):
            member = members[place]
            row = {
                "member_id": member.pk,
                "first_name": member.first_name,
                "last_name": member.last_name,
                "date_of_birth": member.birth_date or "",
                "is_active": "on",
            }
        for name, value in {**row, **change}.items():
            if value is not None:
                data[f"members-{place}-{name}"] = value
    counts = {"TOTAL_FORMS": len(changes), "INITIAL_FORMS": min(len(changes), len(members))}
    return data | {f"members-{name}": count for name, count in counts.items()}


def test_edit_a_household(anna: Client, okafor: Household) -> None:
    page = _household(okafor)

    opened = anna.get(f"{desk.LIST}{page}").content.decode()
    changes: list[dict[str, Any]] = [
        {"last_name": "Okafor-Mensah"},
        {"first_name": "Kofi", "is_active": None},
        {"first_name": "Esi", "date_of_birth": "2016-05-04"},
        {},
    ]
    result = desk.post(anna, page, **_rows(okafor, *changes) | {"zip_code": "43215"})

    assert 'value="1980-02-03"' in opened
    assert "1900" not in opened
    assert "Saved: Okafor Household." in result or "Saved: Okafor-Mensah Household." in result
    for text in ("Ama Okafor-Mensah", "Esi Okafor-Mensah", "May 4, 2016", "has left", "43215"):
        assert text in result
    assert "Household changed Changed: " in result
    assert "Added: 1 person." in result


def test_edit_shows_refusals_and_does_not_overwrite(anna: Client, okafor: Household) -> None:
    page = _household(okafor)
    stale = _rows(okafor, {"first_name": "Ada"})

    wrong = desk.post(anna, page, **_rows(okafor, {"first_name": ""}, {}))
    unreadable = desk.post(anna, page, **_rows(okafor, {"date_of_birth": "1980-02-31"}))
    nobody = desk.post(anna, page, **_rows(okafor, {"is_active": None}, {"is_active": None}))
    tampered = desk.post(anna, page, **_rows(okafor, {"first_name": "Ada"}) | {"seen": "x"})
    desk.post(anna, page, **_rows(okafor, {"first_name": "Amara"}))
    refused = desk.post(anna, page, **stale)

    assert "Enter the first name." in wrong
    assert "That date does not exist." in unreadable
    assert "Somebody has to stay in the household." in nobody
    assert "Somebody else changed this a moment ago" in tampered
    assert "Somebody else changed this a moment ago" in refused
    assert okafor.members.get(is_head_of_household=True).first_name == "Amara"


def test_a_deleted_household_can_only_be_looked_at(anna: Client, okafor: Household) -> None:
    Household.objects.update(deleted_on="2026-01-01T00:00Z")

    result = desk.page(anna, _household(okafor))

    assert "no longer active" in result
    assert "Deleted on" in result
    assert " Edit " not in result


# Merging --------------------------------------------------------------------------------


def test_administrators_merge_two_households(okafor: Household, slot: EventSlot) -> None:
    again = enrolment.enrol(head=Person("Ama", "Okafor"), members=[Person("Esi")], by=b.STAFF)
    registration = b.register(again, slot)
    ama, same = okafor.members.order_by("pk")[0], again.members.order_by("pk")[0]
    carl = desk.log_in("Administrator")
    page = f"{_household(okafor, 'merge')}?other={again.pk}"

    found = desk.page(carl, _household(okafor, "merge"), q="Okafor")
    preview = carl.get(f"{desk.LIST}{page}").content.decode()
    result = desk.post(carl, page, **{f"same-{same.pk}": ama.pk})
    gone = desk.page(carl, f"../household/{again.pk}/change/")

    assert again.identification_code in found
    assert found.count(okafor.identification_code) == 1  # only as the one that stays
    assert f'<option value="{ama.pk}" selected>' in preview
    assert f"1 registration of {again.identification_code} moves over" in " ".join(preview.split())
    assert f"({again.identification_code}) is now part of Okafor Household." in result
    assert registration.confirmation_code in result
    assert f"Household number {again.pk} was merged into this one." in result
    assert "Merged into Okafor Household" in gone
    assert b.drift() == {}


def test_a_merge_shows_what_collides(okafor: Household, slot: EventSlot) -> None:
    EventSlot.objects.update(capacity=2)
    again = enrolment.enrol(head=Person("Ama", "Okafor"), by=b.STAFF)
    codes = [b.register(each, slot).confirmation_code for each in (okafor, again)]
    carl = desk.log_in("Administrator")
    page = f"{_household(okafor, 'merge')}?other={again.pk}"

    preview = desk.page(carl, page)
    refused = desk.post(carl, page)

    assert "Both have a registration on the same date." in preview
    assert all(code in preview for code in codes)
    assert "Both households have a registration on the same date." in refused
    assert Household.objects.filter(deleted_on=None).count() == 2


@pytest.mark.parametrize("group", ["Front desk", "Coordinator"])
def test_only_administrators_merge(group: str, okafor: Household) -> None:
    again = enrolment.enrol(head=Person("Ama", "Okafor"), by=b.STAFF)
    client = desk.log_in(group)
    path = f"{desk.LIST}{_household(okafor, 'merge')}?other={again.pk}"

    assert client.post(path).status_code == 403
    assert "Merge…" not in desk.page(client, f"../household/{okafor.pk}/change/")
    assert Household.objects.filter(deleted_on=None).count() == 2


# Notes ----------------------------------------------------------------------------------


def test_notes_stand_where_staff_look(anna: Client, okafor: Household, slot: EventSlot) -> None:
    registration = b.register(okafor, slot)
    day = f"days/{registration.event_date_id}/"
    standing, own = _household(okafor, "notes"), f"{registration.pk}/note/"

    saved = desk.post(anna, standing, **{"allergy": "Hazelnuts", "proxy": "Her son Kofi"})
    desk.post(anna, own, other="Comes late")

    assert "Notes saved." in saved
    for page in (
        day,
        f"{day}?q={registration.confirmation_code}",
        f"{registration.pk}/change/",
    ):
        text = desk.page(anna, page)
        assert "Allergy: Hazelnuts" in text, page
        assert "May pick up: Her son Kofi" in text, page
        assert "This time: Comes late" in text, page
    household = desk.page(anna, f"../household/{okafor.pk}/change/")
    assert "Hazelnuts" in household
    assert "The allergy note was added." in household
    history = desk.page(anna, f"{registration.pk}/change/")
    assert "Note changed" in history


def test_notes_are_erased_and_not_overwritten(anna: Client, okafor: Household) -> None:
    page = _household(okafor, "notes")
    desk.post(anna, page, allergy="Hazelnuts")

    stale = desk.post(anna, page, **{"allergy": "None", "initial-allergy": ""})
    long = desk.post(anna, page, **{"language": "x" * 501, "initial-allergy": "Hazelnuts"})
    assert "Somebody else changed this a moment ago" in stale
    assert "500 characters" in long
    assert Note.objects.get().text == "Hazelnuts"

    desk.post(anna, page, **{"allergy": "", "initial-allergy": "Hazelnuts"})
    assert Note.objects.count() == 0


def test_notes_are_not_exported(okafor: Household, slot: EventSlot) -> None:
    registration = b.register(okafor, slot)
    coordinator = desk.log_in("Coordinator")
    desk.post(coordinator, f"{registration.pk}/note/", other="Comes late")

    exported = b"".join(coordinator.get(f"{desk.LIST}export/csv/"))

    assert registration.confirmation_code in exported.decode("utf-8-sig")
    assert b"Comes late" not in exported
