"""Whose reply it is: the invitation that was last asked before the reply was written."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careline_surveys.domain.invitations import Invitation, Reference, Subject
from careline_surveys.domain.matching import CLOCKS_APART, Asked, match

pytestmark = pytest.mark.unit

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def asked(name: str, minutes: float, status="delivered", *, in_hand=False, until=None) -> Asked:
    invitation = Invitation(
        id=name,
        survey="call",
        survey_version=1,
        service="call",
        person_id="p",
        language=None,
        reference=Reference(type="call", id=name),
        subject=Subject(),
        status=status,
        reason=None,
        created_at=at(minutes),
        send_at=at(minutes),
        send_until=at(minutes) + DAY,
        sent_at=None if status == "scheduled" else at(minutes),
        reply_until=None if status == "scheduled" else (until or at(minutes) + DAY),
    )
    return Asked(invitation=invitation, at=at(minutes), in_hand=in_hand)


def whose(all_asked, minutes) -> tuple[str | None, str | None]:
    found = match(all_asked, at(minutes))
    return (
        None if found.open is None else found.open.invitation.id,
        None if found.last is None else found.last.invitation.id,
    )


FIRST, SECOND = asked("first", 0), asked("second", 60)


@pytest.mark.parametrize(
    ("all_asked", "minutes", "expected"),
    [
        ([], 5, (None, None)),
        ([FIRST, SECOND], 70, ("second", "second")),
        ([FIRST, SECOND], 30, ("first", "first")),
        ([SECOND, FIRST], 30, ("first", "first")),
        ([FIRST, SECOND], 59.6, ("second", "second")),
        ([FIRST, asked("second", 60, "completed")], 70, ("first", "second")),
        ([asked("first", 0, "completed"), SECOND], 30, (None, "first")),
        ([FIRST, SECOND], -30, ("first", "first")),
        ([asked("first", 0, "scheduled", in_hand=True)], 1, ("first", "first")),
        ([asked("first", 0, "scheduled")], 1, (None, "first")),
        ([asked("first", 0, "failed")], 1, (None, "first")),
        ([asked("first", 0, "expired", until=at(60))], 59, ("first", "first")),
        ([asked("first", 0, "expired", until=at(60))], 60, (None, "first")),
    ],
)
def test_a_reply_belongs_to_what_was_asked_last_before_it(all_asked, minutes, expected) -> None:
    assert whose(all_asked, minutes) == expected


@given(
    times=st.lists(st.integers(0, 500), min_size=1, max_size=6, unique=True),
    written=st.integers(0, 600),
)
def test_it_is_never_given_to_a_question_that_came_after_it_when_one_came_before(
    times, written
) -> None:
    found = match([asked(f"i{minute}", minute) for minute in times], at(written))
    assert found.open is not None
    if min(times) <= written:
        newest = max(minute for minute in times if at(minute) <= at(written) + CLOCKS_APART)
        assert found.open.invitation.id == f"i{newest}"
    assert not found.doubtful
