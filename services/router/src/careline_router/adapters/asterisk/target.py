"""How to reach one Asterisk, and how it reaches people."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Trunk:
    """How people are called: `endpoint` has `{number}` or `{digits}` in it.

    `caller_id` is what they see, None: the line they had called; their phone rings for `timeout_s`
    seconds.
    """

    endpoint: str
    caller_id: str | None = None
    timeout_s: int = 45


@dataclass(frozen=True, slots=True, kw_only=True)
class AsteriskTarget:
    """`url` is ARI's base, as `http://host:8088/ari`; without a `trunk` nobody is called back.

    `recording_url` is where recordings can be fetched, with `{name}` in it.
    """

    id: str
    url: str
    application: str
    user: str
    password: str = field(repr=False)
    recording_url: str
    trunk: Trunk | None = None
