#!/usr/bin/env python3
"""What holds on a three-node MariaDB Galera cluster, and what does not.

    python benchmarks/galera.py      (Debian: apt-get install galera-4 rsync lsof mariadb-server)

Three nodes on loopback hold both databases. Twelve threads book and cancel on three slots of four
places; they write to one node, or each to one of the three. At rest: oversold slots, drift,
commits refused by certification, bookings refused.
"""

import contextlib
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, os.getcwd())

from tools.with_mariadb import Server, free_port

PROVIDER = "/usr/lib/galera/libgalera_smm.so"
NODES, THREADS, ROUNDS = 3, 12, 6


@contextlib.contextmanager
def cluster(home: Path) -> Iterator[list[Server]]:
    """Three nodes: the first is filled, stopped and copied, so that the others only have to be
    brought up to date."""
    ports = [free_port() for _ in range(NODES)]
    address = "gcomm://" + ",".join(f"127.0.0.1:{port}" for port in ports)

    def options(number: int) -> tuple[str, ...]:
        return (
            "--wsrep-on=ON", f"--wsrep-provider={PROVIDER}", f"--wsrep-cluster-address={address}",
            "--wsrep-cluster-name=freshtrak", f"--wsrep-node-name=node{number}",
            "--wsrep-node-address=127.0.0.1", "--binlog-format=ROW",
            "--innodb-autoinc-lock-mode=2", "--innodb-flush-log-at-trx-commit=2",
            f"--wsrep-provider-options=base_port={ports[number]};"
            f"gmcast.listen_addr=tcp://127.0.0.1:{ports[number]};"
            f"ist.recv_addr=127.0.0.1:{free_port()}",
        )  # fmt: skip

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
    os.environ.update(_urls(node), DEBUG="true", DJANGO_SETTINGS_MODULE="freshtrak.settings")
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connections

    from schedules import sandbox
    from tests.conftest import GRANTS

    call_command("migrate", verbosity=0)
    sandbox.create_tables()
    connections.close_all()
    for grant in GRANTS:
        node.sql(grant.format(database="freshtrak_public"))


def _run(nodes: list[Server], targets: dict[str, list[Server]]) -> str:
    """A load on the nodes that each database is written at; what is wrong at rest."""
    import logging

    from django.db import connections

    from freshtrak.databases import PRIVATE, PUBLIC
    from registrations.errors import RegistrationError
    from tests import booking as b
    from tests import factories

    logging.disable(logging.CRITICAL)
    for alias in (PRIVATE, PUBLIC):
        connections[alias].settings_dict["PORT"] = nodes[0].port
        connections[alias].close()
    day = factories.EventDateFactory(capacity=12)
    slots = [factories.EventSlotFactory(event_hour__event_date=day, capacity=4) for _ in range(3)]
    households = factories.households(THREADS * 4)
    outcomes: Counter[str] = Counter()

    def work(number: int) -> None:
        for alias in (PRIVATE, PUBLIC):
            there = targets[alias][number % len(targets[alias])]
            connection: Any = connections[alias]
            connection.close()
            connection.settings_dict = {**connection.settings_dict, "PORT": there.port}
        mine = households[number::THREADS]
        for turn in range(ROUNDS):
            for position, household in enumerate(mine):
                try:
                    registration = b.register(household, slots[(position + turn) % 3])
                    outcomes[str(registration.event_status)] += 1
                    if turn + 1 < ROUNDS:
                        b.cancel(registration)
                except RegistrationError as refusal:
                    outcomes[refusal.code] += 1
                except Exception as error:
                    outcomes[f"{type(error).__name__} {error.args[:1]}"] += 1

    before = _refused(nodes)
    for result in b.in_parallel(*(lambda n=n: work(n) for n in range(THREADS))):
        assert result is None, result
    with contextlib.suppress(AssertionError):
        b.settle_all()
    oversold = {
        slot: given for slot, given in b.oversold().items() if slot in {s.pk for s in slots}
    }
    return (
        f"oversold {oversold or 'never'}, drift {b.drift() or 'none'}, "
        f"commits refused {_refused(nodes) - before}, {dict(outcomes)}"
    )


def _refused(nodes: list[Server]) -> int:
    names = "('wsrep_local_cert_failures', 'wsrep_local_bf_aborts')"
    return sum(
        int(line.split()[-1])
        for node in nodes
        for line in node.sql(f"SHOW STATUS WHERE variable_name IN {names}").splitlines()
    )


def main() -> None:
    if not Path(PROVIDER).exists():
        sys.exit("Galera is not installed. As root: apt-get install galera-4")
    with (
        tempfile.TemporaryDirectory(prefix="freshtrak-galera-") as home,
        cluster(Path(home)) as nodes,
    ):
        print("nodes:", nodes[0].sql("SHOW STATUS LIKE 'wsrep_cluster_size'").split()[-1])
        one, every = nodes[:1], nodes
        for title, targets in {
            "both written at one node": {"default": one, "freshtrak_public": one},
            "public at one, private at all": {"default": every, "freshtrak_public": one},
            "both written at all": {"default": every, "freshtrak_public": every},
        }.items():
            print(f"{title}: {_run(nodes, targets)}", flush=True)


if __name__ == "__main__":
    main()
