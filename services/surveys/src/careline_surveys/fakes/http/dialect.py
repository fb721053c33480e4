"""What a fake provider reads and says. None of it is shared with the adapters that talk to it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from urllib.parse import parse_qsl, urlsplit

Trouble = Literal["throttled", "account", "refused_number"]
"""What a provider may answer instead of taking a message, always in its own words."""
State = Literal["sent", "delivered", "failed"]
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


class NotOursError(Exception):
    """The request is not what this provider wants: no such page, a wrong key, a field missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True, errors="strict"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int = 200
    content: bytes = b""
    kind: str = JSON

    @classmethod
    def json(cls, document: Any, status: int = 200) -> "Answer":
        content = json.dumps(document, ensure_ascii=False).encode()
        return cls(status=status, content=content)


@dataclass(slots=True, kw_only=True)
class Sent:
    """A message as the provider has it. `to` is E.164, `name` our own name for it, if it has one."""

    message_id: str
    to: str
    text: str
    name: str = ""
    state: State = "sent"
    extra: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A callback: where it goes under the address that the provider was given, and what it says."""

    action: Literal["status", "inbound"]
    query: str = ""
    body: bytes
    headers: Mapping[str, str]

    @property
    def target(self) -> str:
        return f"{self.action}?{self.query}" if self.query else self.action


class Dialect(Protocol):
    """One provider. `entry` is what `sms` of the configuration has to say for it, at `base`."""

    thanks: bytes
    """What it wants to hear from us."""

    def entry(self, base: str) -> dict[str, Any]: ...

    def read(self, request: Request, message_id: str) -> Sent:
        """A message that is to be sent. Raises `NotOursError`."""
        ...

    def taken(self, sent: Sent) -> Answer: ...

    def trouble(self, trouble: Trouble) -> Answer: ...

    def asked(self, request: Request, messages: Sequence[Sent]) -> Answer | None:
        """The answer to a look-up; None when this request is none."""
        ...

    def status(self, sent: Sent, state: State) -> Call: ...

    def inbound(self, message_id: str, sender: str, text: str) -> Call: ...

    def forged(self, call: Call) -> Call:
        """The same with a wrong proof."""
        ...


def require(condition: object, what: str) -> None:
    if not condition:
        raise NotOursError(what)


def in_query(call: Call, query: str) -> Call:
    return Call(action=call.action, query=query, body=call.body, headers=call.headers)
