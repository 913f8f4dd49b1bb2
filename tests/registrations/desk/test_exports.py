import csv
import io
from typing import Any

import openpyxl
import pytest

from registrations.desk import exports
from registrations.models import Household
from tests.support import booking as b
from tests.support import desk, factories


@pytest.fixture
def nasty() -> Any:
    slot = factories.EventSlotFactory(capacity=1)
    for name in ('=HYPERLINK("http://evil")', "Ärger, \x07 & Söhne"):
        household = factories.HouseholdFactory(name=name, identification_code=f"-{name[:3]}")
        b.register(household, slot)
    return slot


def _csv(response: Any) -> list[list[str]]:
    text = response.content.decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))


def test_csv_holds_what_the_list_shows_and_no_formula(nasty: Any) -> None:
    carl = desk.log_in("Coordinator")

    rows = _csv(carl.get(f"{desk.LIST}export/csv/"))
    waiting = _csv(carl.get(f"{desk.LIST}export/csv/", {"status": "waitlisted"}))

    head, newest, oldest = rows
    assert head[:4] == ["code", "household", "identification", "event"]
    assert oldest[1:3] == ['\'=HYPERLINK("http://evil")', "'-=HY"]
    assert newest[1] == "Ärger,   & Söhne"
    assert [row[1] for row in waiting] == ["household", "Ärger,   & Söhne"]
    assert newest[8] == "1"
    assert newest[3] == nasty.event_hour.event_date.event.event_name


def test_xlsx_holds_text_not_formulae(nasty: Any) -> None:
    response = desk.log_in("Coordinator").get(f"{desk.LIST}export/xlsx/")

    sheet = openpyxl.load_workbook(io.BytesIO(response.content)).active
    cells = [cell for row in sheet.iter_rows() for cell in row]
    assert "f" not in {cell.data_type for cell in cells}
    assert '\'=HYPERLINK("http://evil")' in [cell.value for cell in cells]
    assert sheet.max_row == 3


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "  =1", "\r@x"])
def test_harmless_disarms_formulas(text: str) -> None:
    assert exports.harmless(text).startswith("'")


def test_harmless_leaves_plain_values_alone() -> None:
    assert [exports.harmless(value) for value in ("Ada-Mae", 7, "", "a=b")] == [
        "Ada-Mae",
        7,
        "",
        "a=b",
    ]


def test_more_rows_than_one_file_takes_are_refused(
    nasty: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "MAX_ROWS", 1)

    page = desk.page(desk.log_in("Coordinator"), "export/csv/")

    assert "More than 1 rows: filter the list first." in page
    assert Household.objects.count() == 2


def test_an_invalid_filter_says_so(nasty: Any) -> None:
    page = desk.page(desk.log_in("Coordinator"), "export/csv/", day="yesterday")

    assert "One of the filters is not valid" in page


def test_export_runs_a_fixed_number_of_queries() -> None:
    slot = factories.EventSlotFactory(capacity=100)
    carl = desk.log_in("Coordinator")

    def queries(people: int) -> int:
        for household in factories.households(people):
            b.register(household, slot)
        return len(b.statements(lambda: carl.get(f"{desk.LIST}export/csv/")))

    queries(2)
    assert queries(1) == queries(90)
