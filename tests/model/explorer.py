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
    steps: tuple[str, ...] = ()
    """A shortest path to the violation."""
    trace: str = ""

    def __str__(self) -> str:
        return f"{self.violation or 'no violation'} ({self.states} states)\n{self.trace}"


Arrival = tuple[State | None, int | None, str]
"""How a state was first reached: from which state, by whom, and by which step."""


def explore(scene: Scene) -> Exploration:
    """Breadth first: the trace of a violation is one of the shortest."""
    seen: dict[State, Arrival] = dict.fromkeys(starts(scene), (None, None, "start"))
    frontier = list(seen)
    while frontier:
        reached: list[State] = []
        for state in frontier:
            possible = list(protocol.moves(scene, state))
            violation = violated(scene, state, stuck=not possible)
            if violation:
                return traced(scene, violation, seen, state)
            possible += world.faults(state)
            possible += world.outside(scene, state)
            for who, step, after in possible:
                if after not in seen:
                    seen[after] = (state, who, step)
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
        # While it holds the row, no one else has written since it decided.
        process.step == COMMITTED and process.connected and process.decision.takes
        for process in s.processes
    ):
        return f"sold beside others: {held} hold, others have {s.others} of {scene.capacity}"
    if all(process.step in (START, ENDED) for process in s.processes):
        return violated_at_rest(scene, s)
    return "stuck: neither server sees that the processes wait for each other" if stuck else None


def violated_at_rest(scene: Scene, s: State) -> str | None:
    """What is wrong after `settle` has judged what is pending, with every owner surely dead."""
    for i, process in enumerate(s.processes):
        if process.answered and i not in s.held:
            return f"lost: {i} got the answer `confirmed` but holds no place"
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
        return "in doubt, although every owner is alive and quick"
    return None


def traced(scene: Scene, violation: str, seen: dict[State, Arrival], last: State) -> Exploration:
    """The violation, with the path from the start to its state."""
    steps: list[str] = []
    lines: list[str] = []
    state: State | None = last
    while state is not None:
        before, who, step = seen[state]
        steps.append(step if who is None else f"{who} {scene.operations[who]} {step}")
        lines.append(f"  {steps[-1]:<62} {' '.join(facts(state))}")
        state = before
    trace = "\n".join(reversed(lines))
    return Exploration(len(seen), violation, tuple(reversed(steps[:-1])), trace)


def facts(s: State) -> Iterator[str]:
    yield f"now {s.now} | reserved {s.reserved}, {s.others} of others, at {s.last_update}"
    yield f"| {len(s.held)} hold | ledger {s.ledger.holding} v{s.ledger.version}"
    if s.ledger.pending:
        delta, seen, written, was_past, _ = s.ledger.pending
        yield f"pending {delta:+} {seen}{'' if was_past else ' (the present)'} → {written}"
    for lock, holder in (("ledger", s.ledger_lock), ("row", s.row_lock)):
        if holder is not None:
            yield f"| {holder} has the {lock}"
