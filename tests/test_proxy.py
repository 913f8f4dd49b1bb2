"""The proxy of the fault tests does what those tests rely on, between real clients and a server."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing
from typing import Any

import django.db
import MySQLdb
import pytest
from django.db import connections
from MySQLdb import OperationalError

from freshtrak.databases import PRIVATE, PUBLIC
from tests.support.proxy import Hold, Proxy, Statement, Steps, Trap

pytestmark = [pytest.mark.mariadb, pytest.mark.real_commits]

INSERT = "INSERT INTO proxy_scratch VALUES (1)"
NOTHING, ONE_ROW = (), ((1,),)


def is_commit(statement: Statement) -> bool:
    return statement.sql == "COMMIT"


def is_insert(statement: Statement) -> bool:
    return statement.sql == INSERT


def proxy_to(alias: str, steps: Steps | None = None) -> Proxy:
    server = connections[alias].settings_dict
    return Proxy(server["HOST"], int(server["PORT"]), alias, steps)


def address(proxy: Proxy) -> dict[str, Any]:
    server = connections[proxy.alias].settings_dict
    return {
        "host": "127.0.0.1",
        "port": proxy.port,
        "user": server["USER"],
        "password": server["PASSWORD"],
        "database": server["NAME"],
    }


def connect(proxy: Proxy, **options: Any) -> Any:
    """A client's connection; what it sends while connecting is not recorded."""
    client = MySQLdb.connect(**{"read_timeout": 30, **address(proxy), **options})
    proxy.steps.clear()
    return closing(client)


def rows(lock: str = "") -> Any:
    """What is in the table, read without the proxy.

    With FOR UPDATE this waits until any transaction that wrote to the table is over, so no rows
    means that it was rolled back.
    """
    with connections[PRIVATE].cursor() as cursor:
        cursor.execute(f"SELECT id FROM proxy_scratch WHERE id = 1 {lock}")
        return cursor.fetchall()


def locked() -> bool:
    """Whether a transaction that has written to the table is open."""
    try:
        rows("FOR UPDATE NOWAIT")
    except django.db.OperationalError:
        return True
    return False


def still_waits(call: "Future[Any]") -> bool:
    return not wait([call], timeout=0.2).done


CLIENT = f"""
import json, sys, MySQLdb
client = MySQLdb.connect(**json.loads(sys.argv[1]))
client.query({INSERT!r})
client.commit()
"""


def kill_client_at(proxy: Proxy, trap: Trap) -> None:
    """Runs a process that inserts and commits; kills it with SIGKILL when the trap has sprung."""
    process = subprocess.Popen([sys.executable, "-c", CLIENT, json.dumps(address(proxy))])
    try:
        trap.wait()
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def _table() -> Iterator[None]:
    with connections[PRIVATE].cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS proxy_scratch")
        cursor.execute("CREATE TABLE proxy_scratch (id INT PRIMARY KEY)")
        yield
        cursor.execute("DROP TABLE proxy_scratch")


@pytest.fixture
def pool(_table: None) -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as pool:
        yield pool


@pytest.fixture
def proxy(pool: ThreadPoolExecutor) -> Iterator[Proxy]:
    with proxy_to(PRIVATE) as proxy:
        yield proxy


def test_statements_are_numbered_across_both_connections_in_the_order_sent() -> None:
    steps = Steps()

    with (
        proxy_to(PRIVATE, steps) as private,
        proxy_to(PUBLIC, steps) as public,
        connect(private) as on_private,
        connect(public) as on_public,
    ):
        on_private.query("SELECT 1")
        on_private.store_result()
        on_public.query("SELECT 2")
        on_public.store_result()
        on_public.ping()
        on_public.commit()
        on_private.rollback()
        on_private.autocommit(True)

    assert steps.sent == [
        (1, PRIVATE, "SELECT 1"),
        (2, PUBLIC, "SELECT 2"),
        (3, PUBLIC, "COMMIT"),
        (4, PRIVATE, "ROLLBACK"),
        (5, PRIVATE, "SET autocommit=1"),
    ]


def test_long_statements_of_many_clients_pass_whole(proxy: Proxy, pool: Any) -> None:
    def echo(letter: str) -> str:
        with connect(proxy) as client:
            client.query(f"SELECT '{letter * 1_000_000}'")
            return str(client.store_result().fetch_row()[0][0])

    echoes = list(pool.map(echo, "abcdefgh"))

    assert echoes == [letter * 1_000_000 for letter in "abcdefgh"]


def test_connection_that_the_server_ends_fails_the_client_at_once(proxy: Proxy, pool: Any) -> None:
    with connect(proxy) as client:
        with connections[PRIVATE].cursor() as cursor:
            cursor.execute(f"KILL {client.thread_id()}")

        commit = pool.submit(client.commit)

        assert isinstance(commit.exception(timeout=10), OperationalError)


def test_held_packet_is_not_executed_until_released(proxy: Proxy, pool: Any) -> None:
    with connect(proxy, autocommit=True) as client:
        trap = proxy.steps.trap(1, hold="packet")

        insert = pool.submit(client.query, INSERT)
        held = trap.wait()
        while_held = still_waits(insert), rows()
        trap.release()
        insert.result()

    assert held == (1, PRIVATE, INSERT)
    assert while_held == (True, NOTHING)
    assert rows() == ONE_ROW


def test_statement_with_a_held_answer_is_executed(proxy: Proxy, pool: Any) -> None:
    with connect(proxy, autocommit=True) as client:
        trap = proxy.steps.trap(is_insert, hold="answer")

        insert = pool.submit(client.query, INSERT)
        trap.wait()
        while_held = still_waits(insert), rows()
        trap.release()
        insert.result()

    assert while_held == (True, ONE_ROW)


def test_commit_in_flight_is_executed_after_its_client_was_killed(proxy: Proxy) -> None:
    trap = proxy.steps.trap(is_commit, hold="packet")
    kill_client_at(proxy, trap)
    in_flight = locked(), rows()

    trap.release()
    trap.wait_answered()

    assert in_flight == (True, NOTHING)
    assert (locked(), rows()) == (False, ONE_ROW)


def test_dropped_commit_of_a_killed_client_is_never_executed(proxy: Proxy) -> None:
    trap = proxy.steps.trap(is_commit, hold="packet")
    kill_client_at(proxy, trap)

    trap.drop()

    assert rows("FOR UPDATE") == NOTHING


def test_held_answer_keeps_the_transaction_of_a_killed_client_open(proxy: Proxy) -> None:
    trap = proxy.steps.trap(is_insert, hold="answer")
    kill_client_at(proxy, trap)
    locked_while_held = locked()

    trap.release()

    assert locked_while_held
    assert rows("FOR UPDATE") == NOTHING


@pytest.mark.parametrize(("hold", "expected"), [("packet", NOTHING), ("answer", ONE_ROW)])
def test_dropped_commit_fails_a_living_client(
    proxy: Proxy, pool: Any, hold: Hold, expected: Any
) -> None:
    with connect(proxy) as client:
        trap = proxy.steps.trap(is_commit, hold=hold)

        client.query(INSERT)
        commit = pool.submit(client.commit)
        trap.wait()
        trap.drop()

        with pytest.raises(OperationalError, match="Lost connection"):
            commit.result()
    assert rows("FOR UPDATE") == expected


def test_cut_rolls_back_and_fails_the_next_statement(proxy: Proxy) -> None:
    with connect(proxy) as client:
        client.query(INSERT)
        proxy.cut()

        with pytest.raises(OperationalError):
            client.commit()
    assert rows("FOR UPDATE") == NOTHING


def test_cut_leaves_new_connections_alone(proxy: Proxy) -> None:
    with connect(proxy):
        proxy.cut()
        with connect(proxy, autocommit=True) as client:
            client.query(INSERT)

    assert rows() == ONE_ROW


def test_cut_client_leaves_the_server_its_transaction(proxy: Proxy) -> None:
    with connect(proxy) as client:
        client.query(INSERT)
        proxy.cut("client")

        with pytest.raises(OperationalError):
            client.commit()
        assert locked()
        proxy.cut("server")
        assert rows("FOR UPDATE") == NOTHING


def test_cut_client_leaves_a_held_commit_in_flight(proxy: Proxy, pool: Any) -> None:
    with connect(proxy) as client:
        trap = proxy.steps.trap(is_commit, hold="packet")
        client.query(INSERT)
        commit = pool.submit(client.commit)
        trap.wait()

        proxy.cut("client")
        with pytest.raises(OperationalError):
            commit.result()
        before = rows()
        trap.release()
        trap.wait_answered()

        assert (before, rows()) == (NOTHING, ONE_ROW)


def test_cut_server_leaves_the_client_without_an_answer(proxy: Proxy) -> None:
    with connect(proxy, read_timeout=1) as client:
        client.query(INSERT)
        proxy.cut("server")
        after = rows("FOR UPDATE")
        start = time.monotonic()

        with pytest.raises(OperationalError):
            client.commit()
        assert after == NOTHING
        assert time.monotonic() - start > 0.9  # it waited


def test_frozen_commit_times_out_and_happens_after_thaw(proxy: Proxy) -> None:
    with connect(proxy, read_timeout=1) as client:
        client.query(INSERT)
        proxy.freeze()
        with pytest.raises(OperationalError):
            client.commit()
    before = rows()

    proxy.thaw()

    assert (before, rows("FOR UPDATE")) == (NOTHING, ONE_ROW)


def test_frozen_answer_arrives_after_thaw(proxy: Proxy, pool: Any) -> None:
    with connect(proxy, autocommit=True) as client:
        trap = proxy.steps.trap(is_insert, hold="answer")
        insert = pool.submit(client.query, INSERT)
        trap.wait()

        proxy.freeze()
        trap.release()
        while_frozen = still_waits(insert)
        proxy.thaw()
        insert.result()

    assert while_frozen


def test_frozen_proxy_is_silent_to_a_new_connection(proxy: Proxy) -> None:
    proxy.freeze()

    with pytest.raises(OperationalError):
        MySQLdb.connect(**address(proxy), connect_timeout=1)
    proxy.thaw()
    with connect(proxy, autocommit=True) as client:
        client.query(INSERT)

    assert rows() == ONE_ROW


def test_trap_that_does_not_spring_says_what_was_sent(proxy: Proxy) -> None:
    with connect(proxy) as client:
        trap = proxy.steps.trap(2, hold="packet")
        client.query(INSERT)

        with pytest.raises(AssertionError, match=f"for the statement. Sent:\n  1 .*{INSERT[:6]}"):
            trap.wait(0)


def test_proxy_that_ends_drops_what_is_held(pool: Any) -> None:
    with proxy_to(PRIVATE) as proxy:
        trap = proxy.steps.trap(1, hold="packet")
        client = pool.submit(MySQLdb.connect, **address(proxy))
        trap.wait()

    with pytest.raises(OperationalError):
        client.result()
