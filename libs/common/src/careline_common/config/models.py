"""Entries of the configuration file that more than one service reads, and the types they use."""

from datetime import date
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    model_validator,
)

from careline_common.http.signed import secret_bytes
from careline_common.phones import parse_phone


class ConfigModel(BaseModel):
    """An entry: frozen, and with no key that it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"no time zone {name!r}: give one such as Europe/Moscow") from None
    return name


def _http_address(address: str) -> str:
    return check_address(address, {"http", "https"})


def check_address(address: str, schemes: set[str]) -> str:
    """The address, if it has one of these schemes and a host; raises ValueError."""
    try:
        parts = urlsplit(address)
        named = parts.hostname
    except ValueError:
        named = None
    if named is None or parts.scheme not in schemes:
        raise ValueError(f"not an address beginning with {' or '.join(sorted(schemes))}://host")
    return address


def _phone(number: str) -> str:
    return parse_phone(number, None)


def _webhook_secret(secret: SecretStr) -> SecretStr:
    secret_bytes(secret)
    return secret


Id = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\s/?#\x00]+$")]
ZoneName = Annotated[str, AfterValidator(_zone)]
HttpAddress = Annotated[str, AfterValidator(_http_address)]
PhoneNumber = Annotated[str, AfterValidator(_phone)]
"""E.164; written with its country code."""
WebhookSecret = Annotated[SecretStr, AfterValidator(_webhook_secret)]
"""`whsec_<base64>`."""
Media = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\s\x00]+$")]
"""A file of the PBX, or `sound:…`."""
Role = Literal[
    "agent",
    "supervisor",
    "admin",
    "pbx",
    "insurer",
    "auditor",
    "specialist",
    "expert",
    "contact_admin",
    "quality",
    "floor",
    "service",
]
SkillLevel = Annotated[int, Field(ge=1, le=10)]


class PlainEntry(ConfigModel):
    """An entry that is only a name, such as a skill."""

    id: Id


class Team(ConfigModel):
    id: Id
    name: str = ""
    lead: Id | None = None


class AgentEntry(ConfigModel):
    """Skill levels go from 1 to 10, 10 is best. `accept` says how an offer is taken.

    `capacity` is how much he does at once: 1 for a person on the phone, more for a bot or for chats.
    """

    id: Id
    name: str = ""
    team: Id | None = None
    site: Id | None = None
    skills: dict[Id, SkillLevel] = Field(default_factory=dict)
    endpoint: str | None = None
    accept: Literal["app", "ring", "auto"] = "app"
    kind: Literal["human", "bot"] = "human"
    capacity: Annotated[int, Field(ge=1, le=1000)] = 1


class Absence(ConfigModel):
    """Days on which somebody is away, both included, and who stands in for him."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    first: date = Field(alias="from")
    last: date = Field(alias="to")
    substitute: Id | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last < self.first:
            raise ValueError("to lies before from")
        return self


class User(ConfigModel):
    """Somebody who is no agent. Rights come from his token; this is who he is.

    The lists say whose appeals he is given; an empty one is everybody's. `max_open` is how many he
    has at most.
    """

    id: Id
    name: str = ""
    roles: list[Role] = Field(default_factory=list)
    insurer: Id | None = None
    team: Id | None = None
    subjects: list[Id] = Field(default_factory=list)
    territories: list[Id] = Field(default_factory=list)
    insurers: list[Id] = Field(default_factory=list)
    languages: list[str] = Field(default_factory=list)
    max_open: Annotated[int, Field(ge=1, le=10_000)] | None = None
    absences: list[Absence] = Field(default_factory=list)


def _link(address: str) -> str:
    _http_address(address)
    if "@" in urlsplit(address).netloc:
        raise ValueError("no user and no password in an address")
    rest = address.replace("{call_id}", "")
    if "{" in rest or "}" in rest:
        raise ValueError("nothing but {call_id} is put into a link: addresses are logged by others")
    return address


class DeskLink(ConfigModel):
    """A page that agents open during a call; `{call_id}` in its address is the call's id here."""

    title: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    url: Annotated[str, StringConstraints(max_length=2000), AfterValidator(_link)]


Tag = Annotated[
    str, StringConstraints(min_length=1, max_length=35, pattern=r"^(\*(-x-slow)?|[A-Za-z0-9-]+)$")
]
"""A language, or a dialect of it (`ar-EG`); `*` is any other; with `-x-slow` behind it, spoken slowly (BCP 47)."""
Prompts = Annotated[dict[Tag, Media], Field(max_length=50)]
"""What is played, by whose it is."""


def _for_all(said: Any) -> Any:
    """A recording alone is everybody's."""
    return {"*": said} if isinstance(said, str) else said


class Line(ConfigModel):
    """A number that callers dial. `zone` is the callers' where their own number does not tell.

    Agents are shown its `script`, what to say, and its `links` with each of its calls.

    With a `calendar` its callers are put through in working time; `announcements` are what they hear
    else, a file of the PBX each, or several by language tag.
    """

    number: PhoneNumber
    flow: Id
    name: str = ""
    language: str | None = None
    zone: ZoneName | None = None
    calendar: Id | None = None
    announcements: dict[
        Literal["closed", "holiday", "emergency"],
        Annotated[Prompts, BeforeValidator(_for_all, json_schema_input_type=Media | Prompts)],
    ] = Field(default_factory=dict)
    script: Annotated[str, StringConstraints(max_length=5000)] = ""
    links: Annotated[list[DeskLink], Field(max_length=20)] = Field(default_factory=list)


class Insurer(ConfigModel):
    id: Id
    name: str = ""


class Territory(ConfigModel):
    id: Id
    name: str = ""


class Organisation(ConfigModel):
    """A medical organisation."""

    id: Id
    name: str = ""
    territory: Id | None = None


class Subject(ConfigModel):
    """What an appeal is about; `group` is who solves it at level 2."""

    id: Id
    name: str = ""
    group: Id | None = None


class Group(ConfigModel):
    """People of one level who solve appeals together.

    A group with lists gets what is passed to its level from these subjects, territories, insurers or
    languages. `head` is the head of the department, who decides what was returned too often.
    """

    id: Id
    name: str = ""
    level: Annotated[int, Field(ge=1, le=3)] = 2
    users: list[Id] = Field(default_factory=list)
    head: Id | None = None
    subjects: list[Id] = Field(default_factory=list)
    territories: list[Id] = Field(default_factory=list)
    insurers: list[Id] = Field(default_factory=list)
    languages: list[str] = Field(default_factory=list)
