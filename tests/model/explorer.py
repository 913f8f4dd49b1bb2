"""Tries every interleaving of a scene and says which guarantee a state breaks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.model import protocol, world
from tests.model.state import COMMITTED, ENDED, START, START_TIME, Scene, State, starts


@dataclass(frozen=True)
class Exploration:
    states: int
    violation: str | None = None
    deeds: tuple[str, ...] = ()
    """The shortest way to the violation."""
    trace: str = ""

    def __str__(self) -> str:
        return f"{self.violation or 'no violation'} ({self.states} states)\n{self.trace}"


Arrival = tuple[State | None, int | None, str]
"""From which state, and by whose deed, a state was reached first."""


def explore(scene: Scene) -> Exploration:
    """Breadth first: the trace of a violation is one of the shortest."""
    seen: dict[State, Arrival] = dict.fromkeys(starts(scene), (None, None, "start"))
    frontier = list(seen)
    while frontier:
        reached: list[State] = []
        for state in frontier:
            steps = list(protocol.moves(scene, state))
            violation = violated(scene, state, stuck=not steps)
            if violation:
                return found(scene, violation, seen, state)
            steps += world.faults(state)
            steps += world.outside(scene, state)
            for who, deed, after in steps:
                if after not in seen:
                    seen[after] = (state, who, deed)
                    reached.append(after)
        frontier = reached
    return Exploration(len(seen))


def violated(scene: Scene, s: State, *, stuck: bool) -> str | None:
    """The guarantee that this state breaks, if any."""
    held = len(s.held)
    if held > scene.capacity:
        return f"oversold: {held} hold {scene.capacity}"
    if s.ledger.holding != held:
        return f"ledger wrong: it counts {s.ledger.holding}, {held} hold"
    if held + s.others > scene.capacity and any(
        # While it has the row, nobody wrote since it decided.
        process.step == COMMITTED and process.connected and process.decision.takes
        for process in s.processes
    ):
        return f"sold beside others: {held} hold, others have {s.others} of {scene.capacity}"
    if all(process.step in (START, ENDED) for process in s.processes):
        return violated_at_rest(scene, s)
    return "stuck: neither server sees that the processes wait for each other" if stuck else None


def violated_at_rest(scene: Scene, s: State) -> str | None:
    """What is wrong once `settle` has judged what is pending, when every owner is surely dead."""
    for i, process in enumerate(s.processes):
        if process.answered and i not in s.held:
            return f"lost: {i} was told `confirmed` and holds no place"
    rules, pending = scene.rules, s.ledger.pending
    verdict = protocol.judge(rules, pending, s.last_update, s.now + protocol.AGE)
    reserved = s.reserved + (protocol.to_fold(rules, pending, verdict) if rules.fold else 0)
    doubt = s.doubt + (abs(pending.delta) if pending and verdict == "ambiguous" else 0)
    counted = reserved - s.others
    if counted < len(s.held):
        return f"undercounted: {counted} counted, {len(s.held)} hold"
    if counted > len(s.held) + doubt:
        return f"overcounted: {counted} counted, {len(s.held)} hold, {doubt} in doubt"
    if doubt and s.faults == scene.faults and s.now == START_TIME:
        return "in doubt, though every owner lives and is quick"
    return None


def found(scene: Scene, violation: str, seen: dict[State, Arrival], last: State) -> Exploration:
    deeds: list[str] = []
    lines: list[str] = []
    state: State | None = last
    while state is not None:
        before, who, deed = seen[state]
        deeds.append(deed if who is None else f"{who} {scene.operations[who]} {deed}")
        lines.append(f"  {deeds[-1]:<62} {' '.join(facts(state))}")
        state = before
    trace = "\n".join(reversed(lines))
    return Exploration(len(seen), violation, tuple(reversed(deeds[:-1])), trace)


def facts(s: State) -> Iterator[str]:
    yield f"now {s.now} | reserved {s.reserved}, {s.others} of others, at {s.last_update}"
    yield f"| {len(s.held)} hold | ledger {s.ledger.holding} v{s.ledger.version}"
    if s.ledger.pending:
        delta, seen, written, was_past, _ = s.ledger.pending
        yield f"pending {delta:+} {seen}{'' if was_past else ' (the present)'} → {written}"
    for lock, holder in (("ledger", s.ledger_lock), ("row", s.row_lock)):
        if holder is not None:
            yield f"| {holder} has the {lock}"
