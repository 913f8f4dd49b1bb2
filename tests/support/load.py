"""A load on the booking services, with processes killed and connections cut at random.

    python -m tests.support.load SECONDS HOUSEHOLD,… SLOT,… STAMPED_SLOT [without-ledger-lock]

Four workers register, move and cancel; every 30 to 120 ms one of them is killed by SIGKILL and
another takes its place; on servers, one of their connections is cut about as often. Meanwhile
another system takes places at all slots and gives them back; at STAMPED_SLOT it also sets
`last_update`. A watcher checks nonstop whether any slot is oversold. Prints one JSON object: kills,
cuts, what the other system holds per slot, what the watcher saw, and errors that no caller should
ever see.
"""

import contextlib
import json
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "freshtrak.settings")
django.setup()

from django.db import DatabaseError, InterfaceError, connections  # noqa: E402

from freshtrak.databases import PRIVATE, PUBLIC  # noqa: E402
from registrations.errors import RegistrationError  # noqa: E402
from registrations.models import EventRegistration, Household  # noqa: E402
from registrations.services import ledgers  # noqa: E402
from schedules.models import EventSlot  # noqa: E402
from tests.support import booking, public_guard  # noqa: E402

public_guard.install()

CUT = {1053, 1317, 1927, 2006, 2013, 2055, 0}
"""The errors a client gets when its connection is, or has been, cut."""


def worker(households: list[int], slots: list[int], ends: float, errors: Path) -> None:
    while time.monotonic() < ends:
        try:
            _one_operation(random.choice(households), random.choice(slots))
        except RegistrationError:
            pass
        except (DatabaseError, InterfaceError) as error:
            if error.args[0] not in CUT:
                raise
            connections.close_all()  # as the service does between requests
        except Exception:
            with errors.open("a") as file:
                file.write(traceback.format_exc())


def _one_operation(household_id: int, slot_id: int) -> None:
    slot = EventSlot.objects.get(pk=slot_id)
    active = EventRegistration.objects.active().filter(household_id=household_id).first()
    if active is None:
        booking.register(Household.objects.get(pk=household_id), slot)
    elif random.random() < 0.3:
        booking.move(active, slot)
    else:
        booking.cancel(active)


def other_system(slots: list[int], stamped: int, ends: float, report: Path) -> None:
    """Takes up to two places at a slot and gives them back, by relative updates, as it should."""
    held, writes = dict.fromkeys(slots, 0), 0
    own = _connection_id(PUBLIC)
    report.write_text(str(own))
    now = "CURRENT_TIMESTAMP" if connections[PUBLIC].vendor == "sqlite" else "NOW()"
    while time.monotonic() < ends:
        slot = random.choice(slots)
        delta = random.choice([+1, -1] if 0 < held[slot] < 2 else [+1] if not held[slot] else [-1])
        stamp = f", last_update = {now}" if slot == stamped else ""
        with connections[PUBLIC].cursor() as cursor:
            cursor.execute(
                f"UPDATE event_slots SET reserved = reserved + %s{stamp} WHERE event_slot_id = %s",
                [delta, slot],
            )
        held[slot] += delta
        time.sleep(random.random() * 0.008)  # a system with a life of its own
        writes += 1
    report.write_text(json.dumps({"held": held, "writes": writes}))


def watcher(ends: float, report: Path) -> None:
    seen = {}
    while time.monotonic() < ends:
        try:
            seen.update(booking.oversold())
        except (DatabaseError, InterfaceError):
            connections.close_all()  # the watcher's own was cut
    report.write_text(json.dumps(seen))


def _connection_id(alias: str) -> int:
    if connections[alias].vendor == "sqlite":
        return 0
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT CONNECTION_ID()")
        return int(cursor.fetchone()[0])


def cutter(ends: float, spared: Path, report: Path) -> None:
    """Cuts random connections to both servers, except the other system's and older ones."""
    cuts = 0
    own = {alias: _connection_id(alias) for alias in (PRIVATE, PUBLIC)}
    while time.monotonic() < ends and connections[PUBLIC].vendor == "mysql":
        time.sleep(random.uniform(0.03, 0.12))
        alias = random.choice([PRIVATE, PUBLIC])
        with connections[alias].cursor() as cursor:
            cursor.execute(
                "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id > %s",
                [own[alias]],
            )
            ids = [row[0] for row in cursor.fetchall()]
            if alias == PUBLIC and spared.exists() and spared.read_text().isdigit():
                ids = [id_ for id_ in ids if id_ != int(spared.read_text())]
            if ids:
                with contextlib.suppress(DatabaseError):  # it has ended by itself
                    cursor.execute(f"KILL {random.choice(ids)}")
                    cuts += 1
    report.write_text(str(cuts))


def without_ledger_lock() -> None:
    """For the control: reads the ledger without locking it."""
    ledgers.row_lock = lambda alias: ""


def fork(work: Callable[[], None]) -> int:
    """The parent has no connections of its own, so a child inherits none."""
    pid = os.fork()
    if pid == 0:
        random.seed()
        try:
            work()
        except BaseException:
            traceback.print_exc()
        os._exit(0)
    return pid


def main(seconds: str, households: str, slots: str, stamped: str, control: str = "") -> None:
    if control == "without-ledger-lock":
        without_ledger_lock()
    ends = time.monotonic() + float(seconds)
    ids = [int(i) for i in households.split(",")]
    slot_ids = [int(i) for i in slots.split(",")]
    with tempfile.TemporaryDirectory() as folder:
        errors, held, oversold, cuts = (
            Path(folder, name) for name in ("errors", "held", "oversold", "cuts")
        )

        # Where another system stamps, whatever follows a death waits for seconds: send fewer there.
        often = [slot for slot in slot_ids if slot != int(stamped)] * 4

        def work() -> None:
            worker(ids, [*often, int(stamped)], ends, errors)

        steady = [
            fork(lambda: other_system(slot_ids, int(stamped), ends, held)),
            fork(lambda: watcher(ends, oversold)),
            fork(lambda: cutter(ends, held, cuts)),
        ]
        workers = [fork(work) for _ in range(4)]
        kills = 0
        while time.monotonic() < ends:
            time.sleep(random.uniform(0.03, 0.12))
            victim = workers.pop(random.randrange(len(workers)))
            os.kill(victim, signal.SIGKILL)
            os.waitpid(victim, 0)
            kills += 1
            workers.append(fork(work))
        for pid in steady + workers:
            os.waitpid(pid, 0)
        json.dump(
            {
                "kills": kills,
                "cuts": int(cuts.read_text()),
                "others": json.loads(held.read_text()),
                "oversold": json.loads(oversold.read_text()),
                "errors": errors.read_text() if errors.exists() else "",
            },
            sys.stdout,
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
