"""The parts of the protocol's model: its rules, a scene, and a state of the world."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

START_TIME = 10

REGISTER, CANCEL, REPLACE, SETTLE = "register", "cancel", "replace", "settle"
"""`replace` is a cancellation that promotes the head of the queue; `settle` changes nothing."""

# What a process does next, or waits for. The numbers are those of docs/protocol.md.
START = "start"  # 1  the ledger's lock
LOCKING = "locking"  # 2  the lock of the slot's row
DECIDED = "decided"  # 4  its private rows are written, not committed
PRIVATE_SENT = "private sent"  # 4  the private server works on the COMMIT
COMMITTED = "committed"  # 5  the decision is durable, the counter follows
PUBLIC_SENT = "public sent"  # 5  the public server works on the COMMIT
MARKING = "marking"  # 6  its last statement may take its time
REFUSED = "refused"  # 6  the same, after public refused
ENDED = "ended"


@dataclass(frozen=True)
class Rules:
    """What the protocol requires. Production keeps every rule; a test takes one out."""

    ledger_lock: bool = True
    """The mutex is the ledger's row, where the truth is. Off: the public row alone."""
    read_under_lock: bool = True
    """No operation decides on a ledger that it read before locking it."""
    one_order: bool = True
    """Every operation locks the ledger first, then the public row."""
    lock_public_row: bool = True
    """The public row stays locked from the decision until the counter is committed."""
    judge_first: bool = True
    """What is pending counts when the operation decides."""
    holding_counts: bool = True
    """Our registrations take places even if another system lowered `reserved` below them."""
    private_first: bool = True
    """The decision is durable before the counter moves."""
    answer_after_commit: bool = True
    """No one gets the answer `confirmed` before the private COMMIT is done."""
    write_once: bool = True
    """The counter moves under the lock of step 2, never on a new connection."""
    fold: bool = True
    """A movement that was not applied becomes part of the next operation's."""
    evidence: bool = True
    """`last_update` tells whether a movement was applied. Off: assume that it never was."""
    seen_was_past: bool = True
    """The value seen proves nothing while another system can still write it again."""
    marker_is_past: bool = True
    """The marker is a second that no other system writes any more."""
    marker_differs: bool = True
    """The marker differs from the value already in the column."""
    unclear_waits: bool = True
    """An owner that may be alive gets time to mark."""
    ambiguous_undersells: bool = True
    """If no one can know, + is folded and − is not. Off: neither."""
    untouched_waits: bool = True
    """A movement that looks unapplied waits for its owner, too: another system may have written the
    value seen once more."""
    mark: bool = True
    """An owner marks what the public server has committed."""
    mark_only_success: bool = True
    """An owner leaves pending what the public server has refused."""
    version_on_mark: bool = True
    """A late mark touches no movement but its own."""

    def without(self, rule: str) -> Rules:
        return replace(self, **{rule: False})


@dataclass(frozen=True)
class Scene:
    """Who acts, and how much can happen to them."""

    operations: tuple[str, ...]
    capacity: int = 1
    others: int = 0
    """Places that another system took beforehand."""
    writes: int = 2
    """How often another system moves the counter by one."""
    faults: int = 2
    """How many deaths, cut connections and failed commits can happen."""
    seconds: int = 2
    """By how much the clock may advance."""
    ages: tuple[int, ...] = (5, 1, 0)
    """How old `last_update` is at the start; the explorer tries each of these ages."""
    late: tuple[str, ...] | None = None
    """Whether another system's statement may wait and then write the second in which it began, and
    which fields of our movements that second may equal: see `world`."""
    rules: Rules = Rules()


Places = frozenset[int]
"""Registrations: `i` is the one that operation `i` makes or promotes, `~i` the one it cancels."""

NOBODY: Places = frozenset()


class Pending(NamedTuple):
    """A movement of the counter that is decided, and perhaps applied."""

    delta: int
    seen: int
    written: int
    seen_was_past: bool
    refused: bool = False
    """Its owner has noted that public refused it."""


class Ledger(NamedTuple):
    holding: int = 0
    pending: Pending | None = None
    version: int = 0


class Decision(NamedTuple):
    """What an operation writes in its private transaction."""

    takes: Places = NOBODY
    gives: Places = NOBODY
    ledger: Ledger = Ledger()
    doubt: int = 0
    """|delta| of the movement that it judged ambiguous."""


class Process(NamedTuple):
    step: str = START
    decision: Decision = Decision()
    alive: bool = True
    connected: bool = True
    """Whether it still has the public connection that it began with."""
    answered: bool = False
    """Whether its caller got the answer `confirmed`."""
    read: Ledger | None = None
    """Without `read_under_lock`: the ledger as read before the lock."""


class State(NamedTuple):
    now: int
    """The public server's clock."""
    reserved: int
    last_update: int
    row_lock: int | None
    ledger: Ledger
    ledger_lock: int | None
    held: Places
    """The registrations that hold a place: the truth."""
    others: int
    """Places that another system has taken, net."""
    doubt: int
    """The sum of |delta| over all `ambiguous` events in the trail."""
    writes: int
    faults: int
    late: int | None
    """When another system's statement began, if one is waiting for the row."""
    processes: tuple[Process, ...]


Step = tuple[int | None, str, State]
"""Who acts (None: the outside world), what they do, and the state that results."""


def starts(scene: Scene) -> list[State]:
    held = frozenset(~i for i, kind in enumerate(scene.operations) if kind in (CANCEL, REPLACE))
    return [
        State(
            now=START_TIME,
            reserved=len(held) + scene.others,
            last_update=START_TIME - age,
            row_lock=None,
            ledger=Ledger(len(held)),
            ledger_lock=None,
            held=held,
            others=scene.others,
            doubt=0,
            writes=scene.writes,
            faults=scene.faults,
            late=None,
            processes=(Process(),) * len(scene.operations),
        )
        for age in scene.ages
    ]


def becomes(state: State, i: int, process: Process, **changes: Any) -> State:
    processes = state.processes
    return state._replace(processes=(*processes[:i], process, *processes[i + 1 :]), **changes)


def released(state: State, i: int) -> dict[str, None]:
    """The changes that release the locks `i` holds."""
    holders = {"row_lock": state.row_lock, "ledger_lock": state.ledger_lock}
    return {lock: None for lock, holder in holders.items() if holder == i}


def ended(state: State, i: int, **changes: Any) -> State:
    """`i` is gone: what it had not committed is rolled back, its locks are free."""
    gone = Process(ENDED, answered=state.processes[i].answered)
    return becomes(state, i, gone, **released(state, i), **changes)
