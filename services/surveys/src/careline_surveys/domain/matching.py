"""Which invitation a reply belongs to: the one that was last asked before the reply was written."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from careline_surveys.domain.invitations import OPEN, Invitation

CLOCKS_APART = timedelta(seconds=30)
"""How far a provider's clock may be behind ours; nobody reads and answers much faster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An invitation and when its latest question went out.

    `in_hand` is true while a provider is just taking it: a reply may be quicker than his answer.
    """

    invitation: Invitation
    at: datetime
    in_hand: bool = False

    def may_be_answered(self, at: datetime) -> bool:
        """Whether a reply written at this moment is in time; one that was on its way for long is."""
        invitation = self.invitation
        if invitation.status == "scheduled":
            return self.in_hand
        in_time = invitation.reply_until is not None and at < invitation.reply_until
        return in_time and (invitation.status in OPEN or invitation.status == "expired")


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """`open` is None when the reply is late for everything; `last` is what was asked last.

    `doubtful` is true when what was asked last is answered already: the reply may be a comment on
    that, so it counts for `open` only when it surely is an answer.
    """

    open: Asked | None
    last: Asked | None

    @property
    def doubtful(self) -> bool:
        return self.open is not None and self.open is not self.last


def match(asked: Sequence[Asked], at: datetime) -> Match:
    """Finds whose reply it is that was written at `at`, among all that one person was asked.

    When he was asked nothing before, his provider's clock is not to be trusted: the first still
    open question is taken.
    """
    by_time = sorted(asked, key=lambda each: (each.at, each.invitation.id), reverse=True)
    before = [each for each in by_time if each.at <= at + CLOCKS_APART]
    candidates = before or by_time[::-1]
    answerable = (each for each in candidates if each.may_be_answered(at))
    found = next(answerable, None)
    last = candidates[0] if before else found
    return Match(open=found, last=last)
