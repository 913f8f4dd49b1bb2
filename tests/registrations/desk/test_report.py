"""The service report as staff see it, and as files."""

import csv
import io
from datetime import timedelta
from typing import Any

import openpyxl
import pytest
from django.db import OperationalError, connections
from django.test import Client

from freshtrak.databases import PUBLIC
from registrations.desk import report
from registrations.models import EventRegistration
from registrations.queries.report import Line
from registrations.services import attendance
from tests.support import booking as b
from tests.support import desk, factories

PATH = f"{desk.LIST}report/"


@pytest.fixture
def carl() -> Client:
    return desk.log_in("Coordinator", "carl")


@pytest.fixture
def served() -> Any:
    """Two households came today, one with three members."""
    today = factories.EventDateFactory(
        event_date_key=factories.in_days(0), event__event_name="=Market"
    )
    for size in (3, 1):
        registration = b.register(factories.HouseholdFactory(size=size), today)
        early = registration.created_at - timedelta(hours=1)
        EventRegistration.objects.filter(pk=registration.pk).update(created_at=early)
        attendance.check_in(registration, by=b.STAFF)
    return today


def test_the_page_shows_this_month_by_day(carl: Client, served: Any) -> None:
    answer = carl.get(PATH)

    page = desk.text_of(answer)
    assert "4 individuals 2 visits 2 households 2 for the first time this year" in page
    assert "Individuals by day" in page
    assert "Wed Jun 17, 2026 2 2 4 0 4 0 0 2 0 0 Total 2 2 4 0 4 0 0 2 0 0" in page
    assert 'name="first" value="2026-06-01"' in answer.content.decode()
    assert "style=" not in answer.content.decode()


def test_another_grouping_and_event(carl: Client, served: Any) -> None:
    other = factories.EventFactory(event_name="Truck")

    by_zip = desk.text_of(carl.get(PATH, {"by": "zip"}))
    by_event = desk.text_of(carl.get(PATH, {"by": "event", "event": served.event_id}))
    nothing = desk.text_of(carl.get(PATH, {"event": other.pk}))

    assert "Individuals by ZIP" in by_zip
    assert "unknown 2 2 4" in by_zip
    assert "=Market 2 2 4" in by_event
    assert "Nobody was served in this period." in nothing


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"first": "2026-06-02", "last": "2026-06-01"}, "The last day is before the first."),
        ({"first": "2025-01-01"}, "Choose at most a year."),
        ({"first": "yesterday"}, "Enter a valid date."),
        ({"first": ""}, "This field is required."),
        ({"by": "mood"}, "mood is not one of the available choices."),
        ({"event": "4000000000"}, "4000000000 is not one of the available choices."),
    ],
)
def test_what_cannot_be_shown_says_why_on_page_and_for_files(
    carl: Client, served: Any, query: dict[str, str], message: str
) -> None:
    page = desk.text_of(carl.get(PATH, query))
    file = desk.text_of(carl.get(f"{PATH}csv/", query, follow=True))

    for text in (page, file):
        assert message in text
        assert "visits" not in text


def test_csv_and_xlsx_hold_the_lines_and_a_total(carl: Client, served: Any) -> None:
    query = {"by": "event"}
    plain = carl.get(f"{PATH}csv/", query)
    workbook = carl.get(f"{PATH}xlsx/", query)

    rows = list(csv.reader(io.StringIO(plain.content.decode("utf-8-sig"))))
    sheet = openpyxl.load_workbook(io.BytesIO(workbook.content)).active
    cells = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert rows[0] == ["event", *report.HEADERS]
    assert rows[1] == ["'=Market", "2", "2", "4", "0", "4", "0", "0", "2", "0", "0"]
    assert rows[2] == ["Total", *rows[1][1:]]
    assert cells[1] == ["'=Market", 2, 2, 4, 0, 4, 0, 0, 2, 0, 0]
    assert [row[0] for row in cells] == ["event", "'=Market", "Total"]
    assert "service-2026-06-01-to-2026-06-17-by-event.csv" in plain["Content-Disposition"]
    assert carl.get(f"{PATH}pdf/").status_code == 404


def test_bars_are_as_long_as_their_numbers() -> None:
    lines = [Line("long", people=[2, 4, 2, 0]), Line("short", people=[0, 2, 0, 2]), Line("none")]

    bars = report.chart(lines)

    assert [bar.parts for bar in bars] == [
        [("age-0", 0, 250), ("age-1", 250, 500), ("age-2", 750, 250), ("age-3", 1000, 0)],
        [("age-0", 0, 0), ("age-1", 0, 250), ("age-2", 250, 0), ("age-3", 250, 250)],
        [("age-0", 0, 0), ("age-1", 0, 0), ("age-2", 0, 0), ("age-3", 0, 0)],
    ]


def test_a_chart_that_would_be_too_long_says_so(
    carl: Client, served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "MAX_BARS", 0)

    page = desk.text_of(carl.get(PATH))

    assert "The chart shows at most 0 lines" in page
    assert "Total 2 2 4" in page


@pytest.mark.real_commits
def test_without_public_it_says_so() -> None:
    def no_answer(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError(2002, "Can't connect to server")

    carl = desk.log_in("Coordinator", "carl")
    with connections[PUBLIC].execute_wrapper(no_answer):
        page = desk.text_of(carl.get(PATH, {"event": "7"}))
        file = desk.text_of(carl.get(f"{PATH}csv/", follow=True))

    for text in (page, file):
        assert "the report needs them" in text
        assert "Total" not in text


def test_the_page_runs_a_fixed_number_of_queries(carl: Client, served: Any) -> None:
    def queries(people: int) -> int:
        for household in factories.households(people):
            attendance.check_in(b.register(household, served), by=b.STAFF)
        return len(b.statements(lambda: carl.get(PATH)))

    queries(1)
    assert queries(1) == queries(6)
