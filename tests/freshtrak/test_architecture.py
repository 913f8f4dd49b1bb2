import subprocess
import sys
from pathlib import Path

from django.conf import settings


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
