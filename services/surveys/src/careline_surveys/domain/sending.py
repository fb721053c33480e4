"""Who is asked and when: every rule that stands between an event and a message."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from careline_surveys.domain.definitions import QuietWindow, Rules

Reason = Literal[
    "quarantine", "survey_quarantine", "opted_out", "sampled_out", "daily_cap", "quiet", "landline",
    "foreign", "expired",
]  # fmt: skip

_MOST_WINDOWS = 16
"""Jumps from window to window before giving up; a day cannot have that many that touch."""

RETRY_PAUSES_S = (1, 2, 5, 15, 60, 300)
"""Between attempts that the provider did not take (429, 503, throttling)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known about a person and a day when an invitation is made."""

    opted_out: bool
    landline: bool
    asked_at: datetime | None
    """When this person was last asked by any survey."""
    asked_by_survey_at: datetime | None
    """When this survey last asked this person."""
    asked_today: int
    """Invitations of this survey on the day on which this one would go out, over all persons."""
    region: str | None = None
    """Where the number is from (`RU`); None where it does not tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """`send_at` is None when nothing is sent at all; then `reason` says why."""

    send_at: datetime | None
    reason: Reason | None = None


def decide(
    rules: Rules, facts: Facts, *, reference: str, now: datetime, zone: ZoneInfo
) -> Decision:
    """Whether and when to ask. What the person asked for himself goes before our own sparing.

    He is spared by the time at which he would be asked: a quarantine that ends overnight is over.
    """
    send_at = after_quiet(now, rules.quiet_hours, zone)
    suppressed = _suppressed(rules, facts, reference=reference, now=send_at)
    if suppressed is not None:
        return Decision(send_at=None, reason=suppressed)
    return Decision(send_at=send_at, reason="quiet" if send_at > now else None)


def _suppressed(rules: Rules, facts: Facts, *, reference: str, now: datetime) -> Reason | None:
    checks: tuple[tuple[Reason, bool], ...] = (
        ("opted_out", facts.opted_out),
        ("landline", facts.landline),
        ("foreign", bool(rules.countries) and facts.region not in rules.countries),
        ("quarantine", _within(facts.asked_at, rules.quarantine_s, now)),
        ("survey_quarantine", _within(facts.asked_by_survey_at, rules.survey_quarantine_s, now)),
        ("sampled_out", rules.sample_pct is not None and not drawn(reference, rules.sample_pct)),
        ("daily_cap", rules.daily_cap is not None and facts.asked_today >= rules.daily_cap),
    )
    return next((reason for reason, holds in checks if holds), None)


def _within(last: datetime | None, seconds: int | None, now: datetime) -> bool:
    return last is not None and seconds is not None and now - last < timedelta(seconds=seconds)


def drawn(reference: str, percent: float) -> bool:
    """A draw that belongs to the reference: asked again, it falls the same way."""
    digest = hashlib.sha256(reference.encode()).digest()
    return int.from_bytes(digest[:8]) < percent / 100 * 2**64


def after_quiet(moment: datetime, windows: Sequence[QuietWindow], zone: ZoneInfo) -> datetime:
    """The first moment, `moment` itself or later, when it is not quiet where the person lives."""
    for _ in range(_MOST_WINDOWS):
        local = moment.astimezone(zone)
        window = next((w for w in windows if w.covers(local.time())), None)
        if window is None:
            return moment
        end = datetime.combine(local.date(), window.end, tzinfo=zone)
        if window.end <= local.time().replace(tzinfo=None):
            end = datetime.combine(local.date() + timedelta(days=1), window.end, tzinfo=zone)
        moment = max(end.astimezone(UTC), moment + timedelta(seconds=1))
    return moment


def leaves_time(windows: Sequence[QuietWindow]) -> bool:
    """False when the windows together cover the whole day, so that nobody could ever be asked."""
    minutes = (time(minute // 60, minute % 60) for minute in range(24 * 60))
    return any(not any(window.covers(minute) for window in windows) for minute in minutes)


def retry_at(now: datetime, attempts: int, asked_for_s: float | None) -> datetime:
    """When to try again what the provider did not take; `asked_for_s` is its Retry-After."""
    pause = float(RETRY_PAUSES_S[min(attempts, len(RETRY_PAUSES_S)) - 1])
    return now + timedelta(seconds=max(pause, min(asked_for_s or 0.0, 3600.0)))
