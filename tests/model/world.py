"""What happens to the processes: death, cut connections, the clock, and another system.

Another system writes the present second or leaves `last_update` alone. Its writes are atomic,
which leaves out one case unless a scene asks for it with `late`: a statement that waits for a lock
and then writes the second in which it *began*. That second can be our marker (`written`), or the
value that we saw (`seen`), written once more after ours.

Not modelled: servers that lose what they committed, and a public clock that is set back.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.model.state import (
    COMMITTED,
    DECIDED,
    LOCKING,
    MARKING,
    PRIVATE_SENT,
    PUBLIC_SENT,
    REFUSED,
    START_TIME,
    Scene,
    State,
    Step,
    becomes,
    ended,
)


def faults(s: State) -> Iterator[Step]:
    """Death at every step, and the loss of a public connection by a process that lives on.

    To everyone else, giving up on a COMMIT looks like dying. At START a process holds nothing:
    dying there is the same as never starting.
    """
    if not s.faults:
        return
    left = s.faults - 1
    for i, me in enumerate(s.processes):
        gone = me._replace(alive=False, connected=False)
        if me.step in (LOCKING, DECIDED, COMMITTED, MARKING, REFUSED):
            yield i, "dies", ended(s, i, faults=left)
        elif me.step == PRIVATE_SENT and me.alive:
            row = None if s.row_lock == i else s.row_lock
            yield i, "dies", becomes(s, i, gone, row_lock=row, faults=left)
        elif me.step == PUBLIC_SENT and me.alive:
            yield i, "dies or loses its connection", becomes(s, i, gone, faults=left)
        if s.row_lock == i and me.step in (DECIDED, PRIVATE_SENT, COMMITTED):
            cut = me._replace(connected=False)
            yield i, "loses its public connection", becomes(s, i, cut, row_lock=None, faults=left)


def outside(scene: Scene, s: State) -> Iterator[Step]:
    if s.now < START_TIME + scene.seconds:
        yield None, "a second passes", s._replace(now=s.now + 1)
    if not s.writes:
        return
    if scene.late is not None and s.late is None:
        yield None, "another system's statement begins to wait", s._replace(late=s.now)
    if s.row_lock is not None:
        return
    for delta in (+1, -1):
        moved = s._replace(
            reserved=s.reserved + delta, others=s.others + delta, writes=s.writes - 1
        )
        yield None, f"another system writes {delta:+}", moved
        yield None, f"another system writes {delta:+} at {s.now}", moved._replace(last_update=s.now)
        if s.late is not None and may_write_late(scene, s):
            late = moved._replace(last_update=s.late, late=None)
            yield None, f"the statement of {s.late} writes {delta:+} at {s.late}", late


def may_write_late(scene: Scene, s: State) -> bool:
    """Whether the waiting statement's second differs from every value that movements have seen or
    written, except for those that the scene allows it to hit."""
    movements = [s.ledger.pending] + [p.decision.ledger.pending for p in s.processes]
    return not any(
        s.late == getattr(movement, field)
        for movement in movements
        if movement
        for field in ("seen", "written")
        if field not in (scene.late or ())
    )
