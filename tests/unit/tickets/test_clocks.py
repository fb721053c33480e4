"""Clocks of an appeal: which promise holds, and what waiting, sending and returning do to it."""

from datetime import UTC, datetime, timedelta

import pytest

from careline_tickets.domain.acting import act, register
from careline_tickets.domain.calendars import Calendar, Span, Window
from careline_tickets.domain.clocks import Clock, ClockKind, DeadlineRule, Policy, policy_for
from careline_tickets.domain.policies import make_policy, policy_body, read_policy
from careline_tickets.domain.ticket import (
    Command,
    Details,
    Group,
    InvalidCommandError,
    Ticket,
)
from careline_tickets.domain.vocabulary import Action, Channel, Kind, Outcome, Role, Status
from careline_tickets.domain.workflow import Actor

pytestmark = pytest.mark.unit

HOUR = timedelta(hours=1)
OFFICE = (Window(start=9 * HOUR, end=13 * HOUR), Window(start=14 * HOUR, end=18 * HOUR))
MOSCOW = Calendar(zone="Europe/Moscow", weekly=(OFFICE,) * 5 + ((), ()), special={})
MONDAY_NOON = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # 12:00 in Moscow
EVERYBODY = Actor(id="boss", roles=frozenset({Role.CONTACT_ADMIN, Role.INSURER}), insurer="ins7")


def policy(**spans: str) -> Policy:
    return make_policy(MOSCOW, {ClockKind(kind): Span.parse(span) for kind, span in spans.items()})


def appeal(now: datetime = MONDAY_NOON, **spans: str) -> Ticket:
    ticket, _ = register(
        ticket_id="t-1",
        number="T-2026-000001",
        tracking_code="AAAA-BBBB-CCCC",
        details=Details(channel=Channel.PHONE, kind=Kind.COMPLAINT, insurer="ins7"),
        text="text",
        policy=policy(**spans) if spans else None,
        registered_at=now,
        actor=EVERYBODY,
        now=now,
    )
    return ticket


def moved(ticket: Ticket, action: str, now: datetime, **fields: object) -> Ticket:
    command = Command(action=Action(action), **fields)  # type: ignore[arg-type]
    return act(ticket, command, EVERYBODY, now)[0]


def running(ticket: Ticket, kind: str) -> Clock | None:
    found = [one for one in ticket.clocks if one.kind == kind and not one.stopped]
    assert len(found) <= 1
    return found[0] if found else None


def due(ticket: Ticket, kind: str) -> datetime:
    clock = running(ticket, kind)
    assert clock is not None
    return clock.due_at


def moscow(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+03:00")


def test_hours_are_working_time_and_days_end_at_midnight() -> None:
    ticket = appeal(level1="2h", statutory="30d")
    assert due(ticket, "level1") == moscow("2026-03-02T15:00")
    assert due(ticket, "statutory") == moscow("2026-04-02T00:00")
    assert ticket.due_at == moscow("2026-03-02T15:00")


def test_an_appeal_without_promises_is_never_due() -> None:
    ticket = appeal()
    assert ticket.due_at is None
    taken = moved(ticket, "take", MONDAY_NOON)
    assert moved(taken, "wait", MONDAY_NOON, waiting_for="papers").clocks == ()


def test_waiting_pauses_level1_and_leaves_the_statutory_clock() -> None:
    ticket = moved(appeal(level1="2h", statutory="30d"), "take", MONDAY_NOON)
    waiting = moved(ticket, "wait", MONDAY_NOON + HOUR / 2, waiting_for="papers")
    clock = running(waiting, "level1")
    assert clock is not None
    assert clock.paused
    assert waiting.due_at == due(waiting, "statutory")
    resumed = moved(waiting, "resume", moscow("2026-03-03T16:45"))
    # an hour and a half was left: 75 minutes of Tuesday and 15 of Wednesday
    assert due(resumed, "level1") == moscow("2026-03-04T09:15")
    assert resumed.due_at == due(resumed, "level1")


def test_a_pause_outside_working_time_adds_nothing() -> None:
    ticket = moved(appeal(level1="8h"), "take", MONDAY_NOON)
    before = due(ticket, "level1")
    waiting = moved(ticket, "wait", moscow("2026-03-02T20:00"), waiting_for="papers")
    assert due(moved(waiting, "resume", moscow("2026-03-03T06:00")), "level1") == before


def test_a_pause_of_a_clock_in_days_adds_the_dates_it_lasted() -> None:
    ticket = moved(appeal(level1="3d"), "take", MONDAY_NOON)
    assert due(ticket, "level1") == moscow("2026-03-06T00:00")
    waiting = moved(ticket, "wait", moscow("2026-03-03T10:00"), waiting_for="papers")
    resumed = moved(waiting, "resume", moscow("2026-03-05T22:00"))
    assert due(resumed, "level1") == moscow("2026-03-08T00:00")


def test_a_clock_that_ran_out_before_the_pause_stays_breached() -> None:
    ticket = moved(appeal(level1="1h"), "take", MONDAY_NOON)
    waiting = moved(ticket, "wait", MONDAY_NOON + 3 * HOUR, waiting_for="papers")
    resumed = moved(waiting, "resume", MONDAY_NOON + 50 * HOUR)
    assert due(resumed, "level1") == moscow("2026-03-02T13:00")
    clock = running(resumed, "level1")
    assert clock is not None
    assert clock.breached(MONDAY_NOON + 51 * HOUR)


def test_the_insurers_clock_starts_anew_each_time_the_appeal_is_sent_to_him() -> None:
    ticket = moved(appeal(insurer="3d", statutory="30d", level1="2h"), "take", MONDAY_NOON)
    assert due(ticket, "insurer") == moscow("2026-03-06T00:00")
    sent = moved(ticket, "send_to_insurer", moscow("2026-03-04T10:00"), insurer="ins7")
    assert due(sent, "insurer") == moscow("2026-03-08T00:00")
    assert running(sent, "level1") is None
    answered = moved(sent, "insurer_answer", moscow("2026-03-05T10:00"), text="done")
    assert running(answered, "insurer") is None
    assert answered.due_at == due(answered, "statutory")
    returned = moved(answered, "return", moscow("2026-03-09T10:00"), reason="too little")
    assert due(returned, "insurer") == moscow("2026-03-13T00:00")
    assert [one.generation for one in returned.clocks if one.kind == "insurer"] == [1, 2, 3]


def test_level2_and_review_clocks_start_where_the_appeal_comes_to_them() -> None:
    ticket = moved(appeal(level1="1h", level2="4h", review="1h"), "take", MONDAY_NOON)
    assert running(ticket, "level2") is None
    up = moved(ticket, "escalate", MONDAY_NOON, escalate_to=Group(id=None, level=2))
    assert running(up, "level1") is None
    assert due(up, "level2") == moscow("2026-03-02T17:00")
    answered = moved(up, "answer", moscow("2026-03-02T16:00"), text="done")
    assert running(answered, "level2") is None
    assert due(answered, "review") == moscow("2026-03-02T17:00")


def test_reopening_keeps_the_day_that_was_promised() -> None:
    ticket = moved(appeal(statutory="30d", level1="1h"), "take", MONDAY_NOON)
    closed = moved(ticket, "close", MONDAY_NOON, outcome=Outcome.JUSTIFIED, text="sorry")
    assert closed.due_at is None
    assert closed.closed_at == MONDAY_NOON
    reopened = moved(closed, "reopen", moscow("2026-03-10T10:00"), reason="not solved")
    assert due(reopened, "statutory") == moscow("2026-04-02T00:00")
    assert due(reopened, "level1") == moscow("2026-03-10T11:00")
    assert reopened.closed_at is None
    assert reopened.outcome is None


def test_extending_moves_the_statutory_clock_by_calendar_days() -> None:
    ticket = moved(appeal(statutory="30d", level1="1h"), "take", MONDAY_NOON)
    extended = moved(ticket, "extend", MONDAY_NOON, days=30, reason="enquiry")
    assert due(extended, "statutory") == moscow("2026-05-02T00:00")
    assert extended.status is Status.IN_WORK


@pytest.mark.parametrize(
    ("action", "fields", "path"),
    [
        ("escalate", {}, "to_level"),
        ("escalate", {"escalate_to": Group(id=None, level=1)}, "to_level"),
        ("escalate", {"escalate_to": Group(id=None, level=4)}, "to_level"),
        ("invite_expert", {}, "user"),
        ("send_to_insurer", {"insurer": " "}, "insurer"),
        ("answer", {}, "text"),
        ("close", {"outcome": Outcome.JUSTIFIED}, "answer"),
        ("close", {"text": "done"}, "outcome"),
        ("extend", {"days": 5}, "reason"),
        ("extend", {"reason": "enquiry"}, "days"),
        ("extend", {"days": 0, "reason": "enquiry"}, "days"),
        ("extend", {"days": 5, "reason": "no clocks here"}, "days"),
        ("wait", {}, "for"),
        ("merge", {}, "into"),
        ("merge", {"into": "t-1"}, "into"),
    ],
)
def test_what_an_action_needs_is_asked_for_by_its_name(
    action: str, fields: dict[str, object], path: str
) -> None:
    with pytest.raises(InvalidCommandError) as refusal:
        moved(moved(appeal(), "take", MONDAY_NOON), action, MONDAY_NOON, **fields)
    assert refusal.value.path == path


def test_an_answer_goes_back_to_who_had_answered() -> None:
    ticket = moved(appeal(), "take", MONDAY_NOON)
    by_staff = moved(ticket, "answer", MONDAY_NOON, text="done")
    assert moved(by_staff, "return", MONDAY_NOON, reason="no").status is Status.IN_WORK
    sent = moved(ticket, "send_to_insurer", MONDAY_NOON, insurer="ins7")
    by_insurer = moved(sent, "insurer_answer", MONDAY_NOON, text="done")
    returned = moved(by_insurer, "return", MONDAY_NOON, reason="no")
    assert returned.status is Status.WITH_INSURER
    assert returned.returns == 1


def rule(name: str, **conditions: frozenset[str]) -> DeadlineRule:
    empty: dict[str, frozenset[str]] = {
        "kinds": frozenset(), "subjects": frozenset(), "insurers": frozenset()
    }  # fmt: skip
    made = Policy(id=name, calendar=MOSCOW, spans={})
    return DeadlineRule(name=name, policy=made, **{**empty, **conditions})


RULES = (
    rule("default"),
    rule("another"),
    rule("complaints", kinds=frozenset({"complaint"})),
    rule("refusals", subjects=frozenset({"refusal", "queue"})),
    rule("ins7", insurers=frozenset({"ins7"})),
    rule("ins7-refusals", insurers=frozenset({"ins7"}), subjects=frozenset({"refusal"})),
)


@pytest.mark.parametrize(
    ("kind", "subject", "insurer", "holds"),
    [
        ("thanks", None, None, "default"),
        ("complaint", None, None, "complaints"),
        ("complaint", "queue", None, "refusals"),
        ("complaint", "queue", "ins7", "refusals"),
        ("complaint", "refusal", "ins7", "ins7-refusals"),
        ("complaint", "other", "ins7", "ins7"),
        ("complaint", "other", "ins8", "complaints"),
    ],
)
def test_the_most_specific_promise_holds(
    kind: str, subject: str | None, insurer: str | None, holds: str
) -> None:
    found = policy_for(RULES, kind=kind, subject=subject, insurer=insurer)
    assert found is not None
    assert found.id == holds


def test_without_a_fitting_entry_nothing_is_promised() -> None:
    assert policy_for(RULES[2:3], kind="thanks", subject=None, insurer=None) is None


def test_a_policy_is_the_same_after_being_written_and_read() -> None:
    made = policy(level1="1h", statutory="30d")
    assert read_policy(made.id, policy_body(made)) == made
    assert made.id != policy(level1="2h", statutory="30d").id
