"""What tells one HTTP provider from another: the formats of its requests, answers and callbacks."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol
from urllib.parse import parse_qsl

from careline_common.http.json_body import cleaned, read_json
from careline_common.http.problem import MalformedRequest
from careline_surveys.ports import Found, Handover, HeardReply, OutgoingSms, SentSms, SmsReceipt

LONGEST_ID = 200
THROTTLED = "throttled"
"""Why a message was refused by a provider that is well, but has enough to do."""
ACCOUNT = "account"
"""Why it was refused when the trouble is with us, not with the message: no credit, a wrong key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request to a provider."""

    url: str
    method: str = "POST"
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An answer of a provider. `now` is when it came."""

    status: int
    content: bytes
    headers: Mapping[str, str]
    now: datetime

    def document(self) -> Any:
        """The answer as JSON; an empty object when it is none."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """A request of a provider. `urls` are those that it may have been told, without the query."""

    urls: Sequence[str]
    query: str
    headers: Mapping[str, str]
    body: bytes

    def parameter(self, name: str) -> str | None:
        """A parameter of the URL."""
        return dict(parse_qsl(self.query, keep_blank_values=True)).get(name)

    def form(self, charset: str = "utf-8") -> dict[str, str]:
        """The body as a form; raises 400 for what is not in this encoding."""
        try:
            pairs = parse_qsl(
                self.body.decode("ascii"),
                keep_blank_values=True,
                encoding=charset,
                errors="strict",
                max_num_fields=200,
            )
        except (ValueError, LookupError) as error:
            raise MalformedRequest(f"the body is no form in {charset}") from error
        found: dict[str, str] = cleaned(dict(pairs))
        return found

    def json(self) -> Any:
        """The body as JSON; raises 400."""
        return read_json(self.body)

    def fields(self) -> Any:
        """A JSON object, or a form, whichever the body says that it is."""
        if self.headers.get("content-type", "").partition(";")[0].strip() == "application/json":
            return self.json()
        return self.form()


@dataclass(frozen=True, slots=True, kw_only=True)
class Thanks:
    """What a provider wants to hear when it has told us something."""

    content: bytes = b""
    media_type: str = "text/plain"


class ForgedError(Exception):
    """A callback that is not the provider's; the text says why."""


class Wire(Protocol):
    """The formats of one configured provider. Nothing here waits, and nothing is remembered."""

    thanks: Thanks

    def ask(self, sms: OutgoingSms, now: datetime) -> Ask: ...

    def outcome(self, sms: OutgoingSms, told: Told) -> Handover:
        """What became of the message. `refused` and `failed` only where it was surely not taken."""
        ...

    def look_up(self, sent: SentSms, now: datetime) -> Ask | None:
        """The question for a message whose outcome nobody knows; None where none can be asked."""
        ...

    def found(self, sent: SentSms, told: Told) -> Found | None:
        """The answer to that; None when the provider does not know the message, or does not say."""
        ...

    def prove(self, callback: Callback) -> None:
        """Raises `ForgedError` unless the provider sent it."""
        ...

    def receipts(self, callback: Callback) -> Sequence[SmsReceipt]:
        """Raises a 4xx problem for what cannot be read."""
        ...

    def replies(self, callback: Callback) -> Sequence[HeardReply]:
        """Raises a 4xx problem for what cannot be read."""
        ...


def named(value: Any) -> str | None:
    """An id of a provider's, which may be a number; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value).strip()
    return text[:LONGEST_ID] or None


def text_at(fields: Any, name: str) -> str:
    """A field that has to be there; raises 400 with its name."""
    value = fields.get(name) if isinstance(fields, Mapping) else None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise MalformedRequest(f"the callback has no {name}")
    return str(value)


def object_of(value: Any) -> Mapping[str, Any]:
    """The value if it is a JSON object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def retry_after_s(told: Told) -> float | None:
    """Retry-After in seconds, given as seconds or as a date; None when there is none."""
    value = told.headers.get("retry-after", "").strip()
    if not value:
        return None
    if value.isascii() and value.isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=told.now.tzinfo)
    return max(0.0, (moment - told.now).total_seconds())


def refused_by_status(told: Told) -> Handover | None:
    """For answers that say by their status alone that nothing was taken; None for all others."""
    if told.status == 429:
        return Handover(outcome="refused", reason=THROTTLED, retry_after_s=retry_after_s(told))
    if told.status in {401, 403}:
        return Handover(outcome="refused", reason=ACCOUNT)
    return None
