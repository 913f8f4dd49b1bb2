import re
import subprocess
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings
from rest_framework.test import APIClient

from registrations.queries import statuses
from tests.support import booking as b
from tests.support import factories, tokens


def test_dependencies_point_one_way() -> None:
    linted = subprocess.run(
        [Path(sys.executable).with_name("lint-imports")],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
    )

    assert linted.returncode == 0, linted.stdout


def test_rows_are_locked_in_one_module_of_each_database() -> None:
    """schedules.counters in public, which alone writes there (and its sandbox for demo and tests);
    the ledgers in private. `row_lock` is where tests switch them off."""
    sources = [
        path
        for app in ("freshtrak", "schedules", "registrations", "audit")
        for path in (settings.BASE_DIR / app).rglob("*.py")
    ]

    locking = {path.name for path in sources if "row_lock(" in path.read_text()}
    by_orm = {path.name for path in sources if "select_for_update(" in path.read_text()}
    stamping = {path.name for path in sources if "last_update = " in path.read_text()}

    assert locking == {"databases.py", "counters.py", "ledgers.py"}
    assert by_orm == set()
    assert stamping == {"checks.py", "counters.py", "models.py"}  # asked for, written, declared


# The functions a booking passes -----------------------------------------------------------

VALUES = {
    "databases.py",
    "rates.py",
    "routers.py",
    "targets.py",
    "keys.py",
    "confirmation_codes.py",
}
"""The drivers, and conversions of ids, days and codes: no step of a booking."""
STEPS = re.compile(r"\w+(Middleware|Token|Authentication|ViewSet)\.\w+")
"""Methods that are steps. Those of models and dataclasses belong to their values."""


def _step(frame: FrameType) -> tuple[str, str] | None:
    """The file and name of a function that docs/architecture.md is to list."""
    path = Path(frame.f_code.co_filename)
    if not path.is_relative_to(settings.BASE_DIR) or path.name in VALUES or ".venv" in path.parts:
        return None
    name = frame.f_code.co_qualname
    outer, _, inner = name.rpartition(".<locals>.")
    if outer.startswith("_") or inner.startswith(("_", "<")):  # a helper of who calls it
        return None
    if ("." in inner and not STEPS.fullmatch(inner)) or inner.endswith("__init__"):
        return None
    return path.relative_to(settings.BASE_DIR).as_posix(), inner


def _passed(household: Any, slot: Any) -> dict[str, set[str]]:
    """What a confirmed booking with a key passes, by file."""
    client = APIClient()
    client.credentials(
        HTTP_AUTHORIZATION=tokens.of_household(household), HTTP_IDEMPOTENCY_KEY="k-1"
    )
    body = {"event_slot_id": slot.pk, "attendees": [household.members.get().pk]}
    passed: dict[str, set[str]] = {}

    def note(frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and (step := _step(frame)):
            passed.setdefault(step[0], set()).add(step[1])

    sys.setprofile(note)
    try:
        response = client.post("/api/v1/registrations/", body)
    finally:
        sys.setprofile(None)
    assert response.json()["status"] == "confirmed"
    return passed


def _documented() -> dict[str, set[str]]:
    text = (settings.BASE_DIR / "docs" / "architecture.md").read_text()
    section = text.split("### The functions a booking passes")[1].split("\n## ")[0]
    rows = [re.findall(r"`([^`]+)`", line) for line in section.splitlines() if line[:2] == "| "]
    return {row[0]: set(row[1:]) for row in rows if row}


def test_a_booking_passes_the_functions_that_the_docs_list() -> None:
    slot = factories.EventSlotFactory(capacity=2)
    first, second = factories.households(2)
    b.register(first, slot)  # opens the ledger
    statuses.rows()
    APIClient().get("/api/v1/registrations/")  # imports what URLs name

    passed = _passed(second, slot)

    assert passed == _documented()
    assert sum(map(len, passed.values())) <= 36
    assert len(passed) <= 22
