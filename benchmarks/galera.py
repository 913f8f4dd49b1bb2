#!/usr/bin/env python3
"""Which guarantees hold on a three-node MariaDB Galera cluster.

    python benchmarks/galera.py [ROUNDS]

Debian: apt-get install galera-4 rsync lsof mariadb-server.

Three nodes on loopback hold both databases. Each thread writes each database at one node, and in
scenarios with several nodes the two databases may use different ones. Two loads run in turn:

- hot: twelve threads book and cancel for a while on three slots of one date, four places each;
- quiet: three threads book the same slot at about the same time, then the next one. The slots are
  new and have two places each.

Some scenarios add another system that takes free places at random nodes and gives some back, with
or without setting `last_update`; some cut connections at random; in some, the other nodes lag
behind the first. At the end the first node settles everything and the oracle reads at the last.
The table shows, for each load:

- oversold: slots where we gave more places than exist; "overfull" adds what the other system took,
  which we do not promise to prevent;
- drift: counters and ledgers that are wrong at rest, (counted, true);
- ambiguous: movements that were settled without proof;
- refused: certification failures and transactions aborted in favor of another node, as Galera
  counts them; then the errors that the service saw: database, at COMMIT or before, code;
- outcomes: what callers got, and what the service logged.

Unless a scenario says otherwise, each read waits until its node is current (`wsrep_sync_wait = 1`,
which GALERA=true sets).
"""

import contextlib
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, os.getcwd())

from tools.with_mariadb import Server, free_port

PROVIDER = "/usr/lib/galera/libgalera_smm.so"
NODES, THREADS = 3, 12
HOT_SECONDS, QUIET_SLOTS = 10, 60
LOGGED = {
    "retried",
    "public_commit_failed",
    "mark_failed",
    "folded",
    "settle_busy",
    "follow_up_failed",
}


@dataclass(frozen=True)
class Scenario:
    """Where the threads write each database, and what else happens."""

    title: str
    private: int = NODES
    public: int = NODES
    """The number of nodes."""
    waits: bool = True
    """Whether a read waits until its node is current."""
    outsider: str = ""
    """What another system sets besides `reserved`, at random nodes. Empty: no other system."""
    cuts: bool = False
    """Whether connections are cut at random."""
    lags: bool = False
    """Whether large transactions on the first node make the others lag."""


BARE, STAMPED = "reserved = reserved", "last_update = NOW()"
SCENARIOS = [
    Scenario("both at one node", private=1, public=1),
    Scenario("public at one node, private at three", public=1),
    Scenario("both at three nodes"),
    Scenario("both at three, no sync wait", waits=False),
    Scenario("both at three, nodes lag", lags=True),
    Scenario("both at three, nodes lag, no sync wait", lags=True, waits=False),
    Scenario("both at three, another system", outsider=BARE),
    Scenario("both at three, another system with last_update", outsider=STAMPED),
    Scenario("both at three, connections cut", cuts=True),
]


@contextlib.contextmanager
def cluster(home: Path) -> Iterator[list[Server]]:
    """Three nodes: the first is filled, stopped and copied, so that the others only need to catch
    up."""
    ports = [free_port() for _ in range(NODES)]
    address = "gcomm://" + ",".join(f"127.0.0.1:{port}" for port in ports)

    def options(number: int) -> tuple[str, ...]:
        return (
            "--wsrep-on=ON",
            f"--wsrep-provider={PROVIDER}",
            f"--wsrep-cluster-address={address}",
            "--wsrep-cluster-name=freshtrak",
            f"--wsrep-node-name=node{number}",
            "--wsrep-node-address=127.0.0.1",
            "--binlog-format=ROW",
            "--innodb-autoinc-lock-mode=2",
            "--innodb-flush-log-at-trx-commit=2",
            f"--wsrep-provider-options=base_port={ports[number]};"
            f"gmcast.listen_addr=tcp://127.0.0.1:{ports[number]};"
            f"ist.recv_addr=127.0.0.1:{free_port()}",
        )

    home.chmod(0o755)
    first = Server(home / "0", "freshtrak_private", *options(0), "--wsrep-new-cluster")
    first.sql("CREATE DATABASE freshtrak_public CHARACTER SET utf8mb4")
    _fill(first)
    first.stop()
    nodes = [first]
    for number in range(1, NODES):
        shutil.copytree(home / "0" / "data", home / str(number) / "data")
        (home / str(number) / "data").chmod(0o777)  # rsync's server may not be root
        nodes.append(_joining(home / str(number), options(number)))
    with contextlib.ExitStack() as started:
        for node in nodes:
            node.start()
            started.callback(node.stop)
            while "ON" not in node.sql("SHOW STATUS LIKE 'wsrep_ready'"):
                time.sleep(0.1)
        yield nodes


def _joining(home: Path, options: tuple[str, ...]) -> Server:
    node = Server.__new__(Server)  # its data is copied, not installed
    node.home, node.port, node.options = home, free_port(), options
    node.as_root = ["--user=root"] if os.geteuid() == 0 else []
    node.url = f"mysql://owner:owner@127.0.0.1:{node.port}/freshtrak_private"
    return node


def _urls(node: Server) -> dict[str, str]:
    public = node.url.replace("freshtrak_private", "freshtrak_public")
    return {"PRIVATE_DATABASE_URL": node.url, "PUBLIC_DATABASE_URL": public}


def _fill(node: Server) -> None:
    os.environ.update(
        _urls(node),
        DEBUG="true",
        DJANGO_SETTINGS_MODULE="freshtrak.settings",
        GALERA="true",
        DATABASE_IDLE_TIMEOUT="600",
    )
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connections
    from django.db.backends.signals import connection_created

    from schedules import sandbox
    from tests.conftest import GRANTS

    call_command("migrate", verbosity=0)
    sandbox.create_tables()
    connections.close_all()
    for grant in GRANTS:
        node.sql(grant.format(database="freshtrak_public"))
    node.sql("CREATE TABLE freshtrak_private.bulk (id INT PRIMARY KEY, text VARCHAR(200))")
    connection_created.connect(_count_errors)
    _count_log()


errors: Counter[str] = Counter()
logged: Counter[str] = Counter()


def _count_errors(sender: Any, connection: Any, **_: Any) -> None:
    """Counts the errors of a new connection, at COMMIT or before."""
    from django.db import Error

    if hasattr(connection, "is_counted"):
        return
    connection.is_counted = True
    name = "private" if connection.alias == "default" else "public"

    def counted(where: str, call: Callable[..., Any], *args: Any) -> Any:
        try:
            return call(*args)
        except Error as error:
            errors[f"{name} {where} {error.args[0] if error.args else error}"] += 1
            raise

    commit = connection._commit
    connection._commit = lambda: counted("COMMIT", commit)
    connection.execute_wrappers.append(
        lambda execute, sql, params, many, context: counted(
            sql.split()[0], execute, sql, params, many, context
        )
    )


def _count_log() -> None:
    """Counts events of the service instead of printing them."""
    import structlog

    def count(logger: Any, method: str, event: Any) -> Any:
        if event["event"] in LOGGED:
            logged[" ".join([event["event"], str(event.get("verdict", ""))]).strip()] += 1
        raise structlog.DropEvent

    structlog.get_config()["processors"].insert(0, count)


def _connect(alias: str, node: Server, *, waits: bool = True) -> None:
    """Sends this thread's next connection to `node`."""
    from django.db import connections

    connection: Any = connections[alias]
    connection.close()
    settings = connection.settings_dict
    begin = settings["OPTIONS"]["init_command"].partition(", wsrep_sync_wait")[0]
    connection.settings_dict = {
        **settings,
        "PORT": node.port,
        "OPTIONS": {
            **settings["OPTIONS"],
            "init_command": f"{begin}, wsrep_sync_wait = {int(waits)}",
        },
    }


class Load:
    """Threads that book at the nodes of a scenario, and what their callers got."""

    def __init__(self, nodes: list[Server], scenario: Scenario) -> None:
        from tests.support import factories

        self.nodes, self.scenario = nodes, scenario
        self.factories = factories
        self.slots: list[Any] = []
        self.outcomes: Counter[str] = Counter()
        self.others: Counter[int] = Counter()
        self.over = threading.Event()

    def hot(self) -> None:
        make = self.factories
        day = make.EventDateFactory(capacity=12)
        self.slots = [
            make.EventSlotFactory(event_hour__event_date=day, capacity=4) for _ in range(3)
        ]
        households = make.households(THREADS)
        until = time.monotonic() + HOT_SECONDS

        def work(number: int) -> None:
            while time.monotonic() < until:
                self._book(households[number], random.choice(self.slots))
                self._cancel(households[number])

        self._run(THREADS, work)

    def quiet(self) -> None:
        make = self.factories
        self.slots = [make.EventSlotFactory(capacity=2) for _ in range(QUIET_SLOTS)]
        households = make.households(NODES)
        together = threading.Barrier(NODES)

        def work(number: int) -> None:
            for slot in self.slots:
                together.wait(60)
                time.sleep(random.choice((0, 0, 0.005, 0.01, 0.02)) * number)
                self._book(households[number], slot)

        self._run(NODES, work)

    def _run(self, count: int, work: Callable[[int], None]) -> None:
        from django.db import connections

        from tests.support import booking as b

        failures: list[BaseException] = []

        def thread(number: int) -> None:
            b.with_production_grants()
            try:
                for alias, at in (
                    ("default", number % self.scenario.private),
                    ("freshtrak_public", (2 * number + 1) % self.scenario.public),
                ):
                    _connect(alias, self.nodes[at], waits=self.scenario.waits)
                work(number)
            except BaseException as error:
                failures.append(error)
            finally:
                connections.close_all()

        beside = {
            self._outsider: bool(self.scenario.outsider),
            self._cut: self.scenario.cuts,
            self._lag: self.scenario.lags,
        }
        disturbing = [threading.Thread(target=target) for target, is_on in beside.items() if is_on]
        booking = [threading.Thread(target=thread, args=(n,)) for n in range(count)]
        for one in [*disturbing, *booking]:
            one.start()
        for one in booking:
            one.join()
        self.over.set()
        for one in disturbing:
            one.join()
        assert not failures, failures

    def _book(self, household: Any, slot: Any) -> None:
        from tests.support import booking as b

        self._call(lambda: str(b.register(household, slot).event_status))

    def _cancel(self, household: Any) -> None:
        from registrations.models import EventRegistration
        from registrations.services import booking
        from tests.support import booking as b

        def cancel() -> str:
            active = EventRegistration.objects.filter(
                household=household, event_status__name__in=("confirmed", "waitlisted")
            )
            for registration in active:
                booking.cancel(registration, by=b.BY)
            return "cancelled" if active else "none to cancel"

        self._call(cancel)

    def _call(self, call: Callable[[], str]) -> None:
        from django.db import InterfaceError, OperationalError, connections

        from registrations.errors import RegistrationError

        try:
            self.outcomes[call()] += 1
        except RegistrationError as refusal:
            self.outcomes[refusal.code] += 1
        except (OperationalError, InterfaceError) as error:  # 503
            self.outcomes[f"unavailable {error.args[0]}"] += 1
        except Exception as error:
            self.outcomes[f"{type(error).__name__} {error.args[:1]}"] += 1
        for connection in connections.all():
            connection.close_if_unusable_or_obsolete()  # as Django does after each request

    def _outsider(self) -> None:
        """Another system: takes free places, gives some back, and remembers what it did."""
        from django.db import OperationalError, connections

        with contextlib.ExitStack() as stack:
            cursors = []
            for node in self.nodes:
                _connect("freshtrak_public", node)
                connection = connections.create_connection("freshtrak_public")
                connection.settings_dict = connections["freshtrak_public"].settings_dict
                stack.callback(connection.close)
                cursors.append(stack.enter_context(connection.cursor()))
            while not self.over.wait(random.uniform(0, 0.1)):
                slot = random.choice(self.slots).pk
                delta = -1 if self.others[slot] > 0 else 1
                with contextlib.suppress(OperationalError):  # refused
                    self.others[slot] += delta * random.choice(cursors).execute(
                        f"UPDATE event_slots SET {self.scenario.outsider},"
                        " reserved = reserved + %s WHERE event_slot_id = %s"
                        " AND reserved + %s <= capacity",
                        [delta, slot, delta],
                    )

    def _cut(self) -> None:
        """Cuts one connection of the service after another, at random nodes."""
        while not self.over.wait(random.uniform(0, 0.4)):
            node = random.choice(self.nodes)
            ids = node.sql(
                "SELECT id FROM information_schema.processlist WHERE user IN ('owner', 'booking')"
            ).split()
            if ids:
                with contextlib.suppress(RuntimeError):  # it is already gone
                    node.sql(f"KILL CONNECTION {random.choice(ids)}")

    def _lag(self) -> None:
        """Writes transactions that take the other nodes a while to apply."""
        while not self.over.wait(0.1):
            self.nodes[0].sql(
                "USE freshtrak_private; INSERT INTO bulk SELECT seq, REPEAT('x', 200)"
                " FROM seq_1_to_20000; DELETE FROM bulk"
            )

    def result(self) -> tuple[str, str, str]:
        """Settles, then returns what is oversold, what has drifted, and what cannot be settled."""
        from tests.support import booking as b

        _everything_at(self.nodes[0])
        try:
            b.settle_all()
            left = ""
        except AssertionError as error:
            left = f", {error}"
        _everything_at(self.nodes[-1])
        ids = {slot.pk for slot in self.slots}
        dates = {slot.event_hour.event_date_id for slot in self.slots}
        own_rows = {f"{prefix}slot {pk}" for pk in ids for prefix in ("", "ledger of ")}
        own_rows |= {f"date {pk}" for pk in dates}
        oversold = {slot: counts for slot, counts in b.oversold().items() if slot in ids}
        drift = {row: wrong for row, wrong in b.drift(self.others).items() if row in own_rows}
        overfull = sum(b.reserved(slot) > slot.capacity for slot in self.slots)
        return (
            f"{oversold or 'never'}" + f" (overfull: {overfull})" * bool(self.scenario.outsider),
            f"{drift or 'none'}{left}",
            f"{_counts(self.outcomes)}",
        )


def _everything_at(node: Server) -> None:
    for alias in ("default", "freshtrak_public"):
        _connect(alias, node)


def _refused(nodes: list[Server]) -> Counter[str]:
    names = "('wsrep_local_cert_failures', 'wsrep_local_bf_aborts')"
    refusals: Counter[str] = Counter()
    for node in nodes:
        for line in node.sql(f"SHOW STATUS WHERE variable_name IN {names}").splitlines():
            name, count = line.split()
            refusals[name.removeprefix("wsrep_local_")] += int(count)
    return refusals


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counter.items())) or "none"


def _row(nodes: list[Server], scenario: Scenario, load: str) -> str:
    from tests.support import booking as b

    _everything_at(nodes[0])
    errors.clear()
    logged.clear()
    refused, ambiguous = _refused(nodes), b.ambiguities()
    running = Load(nodes, scenario)
    getattr(running, load)()
    oversold, drift, outcomes = running.result()
    columns = [
        f"{scenario.title}, {load}",
        oversold,
        drift,
        str(b.ambiguities() - ambiguous),
        f"{_counts(_refused(nodes) - refused)}; {_counts(errors)}",
        f"{outcomes}; {_counts(logged)}",
    ]
    return f"| {' | '.join(columns)} |"


def main() -> None:
    if not Path(PROVIDER).exists():
        sys.exit("Galera is not installed. As root: apt-get install galera-4")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that its servers stop, too
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    with (
        tempfile.TemporaryDirectory(prefix="freshtrak-galera-") as home,
        cluster(Path(home)) as nodes,
    ):
        print("nodes:", nodes[0].sql("SHOW STATUS LIKE 'wsrep_cluster_size'").split()[-1])
        print("| scenario | oversold | drift at rest | ambiguous | refused | outcomes |")
        print("|---|---|---|---|---|---|", flush=True)
        for _ in range(rounds):
            for scenario in SCENARIOS:
                for load in ("hot", "quiet"):
                    print(_row(nodes, scenario, load), flush=True)


if __name__ == "__main__":
    main()
