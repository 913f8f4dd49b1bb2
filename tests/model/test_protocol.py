"""While every rule holds, no interleaving breaks a guarantee; take any rule out, and one does.

A failure prints a shortest path to the broken state, one step per line.
"""

from dataclasses import fields, replace

import pytest

from tests.model.explorer import explore
from tests.model.state import CANCEL, REGISTER, REPLACE, SETTLE, Rules, Scene

pytestmark = [pytest.mark.one_engine, pytest.mark.slow]

TWO = [
    Scene((REGISTER, REGISTER), capacity=1, faults=4),
    Scene((REGISTER, REGISTER), capacity=2, faults=4),
    Scene((REGISTER, REGISTER), capacity=2, others=1, faults=4),
    Scene((REGISTER, CANCEL), capacity=1, faults=4),
    Scene((REGISTER, CANCEL), capacity=2, faults=4),
    Scene((REGISTER, REPLACE), capacity=1, faults=4),
    Scene((REGISTER, REPLACE), capacity=2, faults=4),
    Scene((REGISTER, SETTLE), capacity=1, faults=4),
    Scene((CANCEL, CANCEL), capacity=2, faults=4),
    Scene((CANCEL, REPLACE), capacity=2, faults=4),
    Scene((CANCEL, SETTLE), capacity=1, faults=4),
    Scene((REPLACE, REPLACE), capacity=2, faults=4),
    Scene((REPLACE, SETTLE), capacity=1, faults=4),
]
"""Two operations can meet at most four faults."""

THREE = [
    Scene((REGISTER, REGISTER, REGISTER), capacity=2, writes=1, seconds=1, ages=(5, 0)),
    Scene((REGISTER, REGISTER, CANCEL), capacity=1, writes=1, seconds=1),
    Scene((REGISTER, REGISTER, CANCEL), capacity=2, writes=1, seconds=1, ages=(5, 0)),
    Scene((REGISTER, CANCEL, CANCEL), capacity=2, writes=1, seconds=1, ages=(5, 0)),
    Scene((REGISTER, REPLACE, CANCEL), capacity=2, writes=1, seconds=1, ages=(5, 0)),
    Scene((REGISTER, REGISTER, SETTLE), capacity=2, writes=1, seconds=1, ages=(5, 0)),
    Scene((REGISTER, CANCEL, SETTLE), capacity=1, writes=1, seconds=1),
    Scene((CANCEL, CANCEL, SETTLE), capacity=2, writes=1, seconds=1, ages=(5, 0)),
]

CALM = Scene((REGISTER, REGISTER), writes=0, faults=0, seconds=0)
"""Two households want one place, and nothing goes wrong."""

SETTLED = Scene((REGISTER, SETTLE), writes=0, faults=1, seconds=0)
"""One operation wants the only place, one settles, and one fault happens."""

CONTROLS = {
    "ledger_lock": (replace(CALM, faults=1), "oversold"),
    "read_under_lock": (replace(CALM, faults=1), "oversold"),
    "one_order": (CALM, "stuck"),
    "lock_public_row": (replace(CALM, writes=1), "sold beside others"),
    "judge_first": (replace(CALM, capacity=2, writes=1, faults=1), "sold beside others"),
    "holding_counts": (replace(CALM, writes=1), "oversold"),
    "private_first": (SETTLED, "overcounted"),
    "answer_after_commit": (SETTLED, "lost"),
    "write_once": (replace(SETTLED, seconds=2), "overcounted"),
    "fold": (SETTLED, "undercounted"),
    "evidence": (SETTLED, "overcounted"),
    "seen_was_past": (replace(SETTLED, operations=(CANCEL, SETTLE), writes=1), "undercounted"),
    "marker_is_past": (replace(SETTLED, writes=1), "undercounted"),
    "marker_differs": (SETTLED, "undercounted"),
    "unclear_waits": (replace(SETTLED, writes=1, faults=0), "in doubt"),
    "ambiguous_undersells": (replace(SETTLED, writes=1), "undercounted"),
    "untouched_waits": (
        Scene((CANCEL, SETTLE), writes=2, faults=0, seconds=1, late=("seen",)),
        "undercounted",
    ),
    "mark": (replace(SETTLED, writes=1, faults=0), "in doubt"),
    "mark_only_success": (SETTLED, "undercounted"),
    "version_on_mark": (replace(SETTLED, operations=(REGISTER, CANCEL)), "undercounted"),
}
"""For each rule, the smallest possible scene, and what goes wrong in it without the rule."""


def name(scene: Scene) -> str:
    return "-".join([*scene.operations, f"capacity{scene.capacity}", f"others{scene.others}"])


@pytest.mark.parametrize("scene", TWO + THREE, ids=name)
def test_no_interleaving_breaks_a_guarantee(scene: Scene) -> None:
    explored = explore(scene)

    assert explored.violation is None, str(explored)


def test_every_rule_has_a_control() -> None:
    assert list(CONTROLS) == [field.name for field in fields(Rules)]


@pytest.mark.parametrize("rule", CONTROLS)
def test_a_guarantee_breaks_without(rule: str) -> None:
    scene, violation = CONTROLS[rule]

    whole = explore(scene)
    without = explore(replace(scene, rules=Rules().without(rule)))

    assert whole.violation is None, str(whole)
    assert (without.violation or "").startswith(violation), str(without)


def test_the_public_row_is_not_a_mutex() -> None:
    """Its lock ends with the connection, and the private COMMIT does not: the next operation gets
    the lock, does not see the decision, and gives the same place away again."""
    explored = explore(replace(CALM, faults=1, rules=Rules().without("ledger_lock")))

    assert explored.violation == "oversold: 2 hold 1"
    assert explored.steps == (
        "0 register begins",
        "0 register locks the row; nothing pending; decides +1",
        "0 register sends the private COMMIT",
        "1 register begins",
        "0 register dies",
        "1 register locks the row; nothing pending; decides +1",
        "0 register private COMMIT done",
        "1 register sends the private COMMIT",
        "1 register private COMMIT done",
    )


LATE = Scene(
    (REGISTER, SETTLE), capacity=2, writes=2, faults=0, seconds=1, late=("seen", "written")
)
"""Another system's statement may wait for a lock and then write the second in which it began, even
if that is our marker or the value we saw."""

MEETINGS = [(REGISTER, SETTLE), (CANCEL, SETTLE), (REGISTER, CANCEL), (REGISTER, REGISTER, CANCEL)]


@pytest.mark.parametrize("operations", MEETINGS)
def test_a_late_statement_does_no_harm_while_owners_live(operations: tuple[str, ...]) -> None:
    explored = explore(replace(LATE, operations=operations))

    assert explored.violation is None, str(explored)


@pytest.mark.parametrize("operations", MEETINGS[:3])
def test_a_late_statement_does_no_harm_after_a_death_unless_it_hits_our_seconds(
    operations: tuple[str, ...],
) -> None:
    explored = explore(replace(LATE, operations=operations, faults=2, late=()))

    assert explored.violation is None, str(explored)


@pytest.mark.parametrize("second", ["written", "seen"])
def test_a_late_statement_that_hits_our_seconds_after_a_death_is_an_exception(second: str) -> None:
    """docs/protocol.md lists it under "What is not covered"."""
    explored = explore(replace(LATE, operations=(CANCEL, SETTLE), faults=1, late=(second,)))

    assert explored.violation, str(explored)
