"""The protocol of docs/protocol.md, step by step, as each process follows it on one slot.

Each step yields what can happen next, or nothing while it has to wait. Not modelled: the date's
roll-up, and the queue (an operation that finds the slot full moves nothing and needs no public
lock).
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.model.state import (
    CANCEL,
    COMMITTED,
    DECIDED,
    ENDED,
    LOCKING,
    MARKING,
    NOBODY,
    PRIVATE_SENT,
    PUBLIC_SENT,
    REFUSED,
    REGISTER,
    REPLACE,
    START,
    Decision,
    Ledger,
    Pending,
    Places,
    Process,
    Rules,
    Scene,
    State,
    Step,
    becomes,
    ended,
    released,
)

AGE = 3
"""Seconds after which the owner of a movement counts as dead. Production waits longer; the model's
clock only has to reach both sides of this age."""


def judge(rules: Rules, pending: Pending | None, last_update: int, now: int) -> str:
    """3  What became of a pending movement. Under both locks."""
    if pending is None:
        return "nothing pending"
    if not rules.evidence or pending.refused:
        return "not applied"
    if last_update == pending.written:
        return "applied"
    seems_untouched = last_update == pending.seen and (
        pending.seen_was_past or not rules.seen_was_past
    )
    waits = rules.untouched_waits if seems_untouched else rules.unclear_waits
    if waits and now - pending.written < AGE:
        return "unclear"
    return "not applied" if seems_untouched else "ambiguous"


def to_fold(rules: Rules, pending: Pending | None, verdict: str) -> int:
    """3  What of a judged movement still has to be applied."""
    if pending is None:
        return 0
    if verdict == "not applied":
        return pending.delta
    if verdict == "ambiguous" and rules.ambiguous_undersells:
        return max(pending.delta, 0)
    return 0


def marker(rules: Rules, last_update: int, now: int) -> int:
    written = now - 1 if rules.marker_is_past else now
    if written == last_update and rules.marker_differs:
        written -= 1
    return written


def start(scene: Scene, s: State, i: int) -> Iterator[Step]:
    """1  private BEGIN; SELECT the ledger FOR UPDATE."""
    rules, me = scene.rules, s.processes[i]
    locking = me._replace(step=LOCKING)
    if not rules.read_under_lock and me.read is None:
        yield i, "reads the ledger", becomes(s, i, me._replace(read=s.ledger))
    elif not rules.ledger_lock:
        yield i, "begins", becomes(s, i, locking)
    elif not rules.one_order and i % 2:
        if s.row_lock is None:
            yield i, "locks the row first", becomes(s, i, locking, row_lock=i)
    elif s.ledger_lock is None:
        yield i, "locks the ledger", becomes(s, i, locking, ledger_lock=i)


def locking(scene: Scene, s: State, i: int) -> Iterator[Step]:
    """2  public BEGIN; SELECT the slot FOR UPDATE. With both locks held, 3 and 4 follow at once:
    no one can change what they read."""
    if not scene.rules.lock_public_row:
        yield decide(scene, s, i)
    elif s.row_lock is None:
        yield decide(scene, s._replace(row_lock=i), i)
    elif s.row_lock == i and s.ledger_lock is None:
        yield decide(scene, s._replace(ledger_lock=i), i)


def decide(scene: Scene, s: State, i: int) -> Step:
    """3  Judge what is pending;  4  write the private rows, not yet committed."""
    rules = scene.rules
    ledger = s.processes[i].read or s.ledger
    verdict = judge(rules, ledger.pending, s.last_update, s.now)
    if verdict == "unclear":
        again = becomes(s, i, Process(), **released(s, i))
        return i, "locks the row; unclear; lets both locks go", again
    fold = to_fold(rules, ledger.pending, verdict)
    takes, gives = choose(scene, s, i, ledger, fold if rules.judge_first else 0)
    if not (takes or gives or ledger.pending):
        return i, "locks the row; has nothing to write", ended(s, i)

    own = len(takes) - len(gives)
    delta = own + fold if rules.fold else own
    written = marker(rules, s.last_update, s.now)
    pending = Pending(delta, s.last_update, written, s.last_update < s.now) if delta else None
    after = Ledger(ledger.holding + own, pending, ledger.version + 1)
    doubt = abs(ledger.pending.delta) if ledger.pending and verdict == "ambiguous" else 0
    decided = Process(DECIDED, Decision(takes, gives, after, doubt))
    return i, f"locks the row; {verdict}; decides {own:+}", becomes(s, i, decided)


def choose(scene: Scene, s: State, i: int, ledger: Ledger, fold: int) -> tuple[Places, Places]:
    """4  Who takes a place, and who gives one up."""
    kind = scene.operations[i]
    gives = frozenset([~i]) if kind in (CANCEL, REPLACE) else NOBODY
    taken = s.reserved + fold
    if scene.rules.holding_counts:
        taken = max(taken, ledger.holding)
    free = scene.capacity - taken + len(gives)
    takes = frozenset([i]) if kind in (REGISTER, REPLACE) and free > 0 else NOBODY
    return takes, gives


def decided(scene: Scene, s: State, i: int) -> Iterator[Step]:
    """4  Send the private COMMIT: the server may finish it even if its owner is gone."""
    rules, me = scene.rules, s.processes[i]
    if not rules.private_first and me.decision.ledger.pending:
        yield from committed(scene, s, i)
        return
    early = bool(me.decision.takes) and not rules.answer_after_commit
    sent = me._replace(step=PRIVATE_SENT, answered=early)
    yield i, "sends the private COMMIT", becomes(s, i, sent)


def private_sent(scene: Scene, s: State, i: int) -> Iterator[Step]:
    """4  The private server is done, even if no client is left, and the ledger is free."""
    me, decision = s.processes[i], s.processes[i].decision
    answered = me.answered or (me.alive and bool(decision.takes))
    done = becomes(
        s,
        i,
        me._replace(step=COMMITTED, answered=answered),
        ledger=decision.ledger,
        ledger_lock=None if s.ledger_lock == i else s.ledger_lock,
        held=s.held - decision.gives | decision.takes,
        doubt=s.doubt + decision.doubt,
    )
    counter_follows = me.alive and decision.ledger.pending and scene.rules.private_first
    yield i, "private COMMIT done", done if counter_follows else ended(done, i)
    if s.faults >= me.alive:
        yield i, "private COMMIT lost", ended(s, i, faults=s.faults - me.alive)


def committed(scene: Scene, s: State, i: int) -> Iterator[Step]:
    """5  UPDATE slot: reserved += own + fold, last_update = marker; send the public COMMIT."""
    rules, me = scene.rules, s.processes[i]
    sent = me._replace(step=PUBLIC_SENT)
    if s.row_lock == i:
        yield i, "moves the counter, sends the public COMMIT", becomes(s, i, sent)
    elif me.connected and not rules.lock_public_row:
        if s.row_lock is None:
            yield i, "locks the row only now, moves the counter", becomes(s, i, sent, row_lock=i)
    elif rules.write_once:
        after = becomes(s, i, me._replace(step=REFUSED)) if rules.private_first else ended(s, i)
        yield i, "cannot move the counter: its connection is gone", after
    elif s.row_lock is None:
        yield i, "moves the counter on a new connection", becomes(s, i, sent, row_lock=i)


def public_sent(scene: Scene, s: State, i: int) -> Iterator[Step]:
    """5  The public server is done, even if no client is left, and the row is free.

    A movement that it refused stays pending, and so does one whose outcome the owner cannot know.
    """
    rules, me = scene.rules, s.processes[i]
    pending = me.decision.ledger.pending
    assert pending is not None
    done = s._replace(
        reserved=s.reserved + pending.delta, last_update=pending.written, row_lock=None
    )
    marks = me._replace(step=MARKING)
    if me.alive and not rules.private_first:
        sent = me._replace(step=PRIVATE_SENT, connected=False)
        yield i, "public COMMIT done, sends the private one", becomes(done, i, sent)
    elif me.alive and rules.mark:
        yield i, "public COMMIT done", becomes(done, i, marks)
    else:
        yield i, "public COMMIT done", ended(done, i)
    if s.faults >= me.alive:
        after = s._replace(row_lock=None, faults=s.faults - me.alive)
        notes = me._replace(step=REFUSED) if rules.mark_only_success else marks
        can_note = me.alive and rules.private_first
        yield i, "public COMMIT refused", becomes(after, i, notes) if can_note else ended(after, i)


def marking(scene: Scene, s: State, i: int) -> Iterator[Step]:
    """6  UPDATE ledger SET pending = NULL WHERE version = mine; at any time from now on.

    This covers an owner that dies while the statement waits at the server: no one can tell it from
    one that is alive and late.
    """
    if s.ledger_lock is not None:
        return
    mine = s.processes[i].decision.ledger.version
    if s.ledger.version == mine or not scene.rules.version_on_mark:
        yield i, "marks", ended(s._replace(ledger=s.ledger._replace(pending=None)), i)
    else:
        yield i, "marks nothing: another operation came since", ended(s, i)


def refused(scene: Scene, s: State, i: int) -> Iterator[Step]:
    """6  UPDATE ledger SET refused = 1 WHERE version = mine; at any time from now on."""
    if s.ledger_lock is not None:
        return
    pending = s.ledger.pending
    mine = s.processes[i].decision.ledger.version
    if pending and (s.ledger.version == mine or not scene.rules.version_on_mark):
        noted = s.ledger._replace(pending=pending._replace(refused=True))
        yield i, "notes that public refused", ended(s._replace(ledger=noted), i)
    else:
        yield i, "notes nothing: another operation came since", ended(s, i)


STEPS = {
    START: start,
    LOCKING: locking,
    DECIDED: decided,
    PRIVATE_SENT: private_sent,
    COMMITTED: committed,
    PUBLIC_SENT: public_sent,
    MARKING: marking,
    REFUSED: refused,
}


def moves(scene: Scene, s: State) -> Iterator[Step]:
    """What processes and servers do by themselves."""
    for i, process in enumerate(s.processes):
        if process.step != ENDED:
            yield from STEPS[process.step](scene, s, i)
