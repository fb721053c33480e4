"""The sections of the configuration file that ingest owns."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import time
from typing import Annotated, Literal, Self, get_args

import phonenumbers
from pydantic import AfterValidator, Field, model_validator

from careline_common.config import (
    ConfigModel,
    Configuration,
    Fault,
    Id,
    Insurer,
    Organisation,
    Section,
    Subject,
    Territory,
    ZoneName,
)
from careline_ingest.adapters.expressions import compiled
from careline_ingest.config_recordings import Recordings
from careline_ingest.config_remote import FETCHED, LISTS, SECRETS, RemoteAccess
from careline_ingest.domain.decode import is_text_encoding
from careline_ingest.domain.feed import Column, FeedSpec
from careline_ingest.domain.normalise import folded
from careline_ingest.domain.volume import Expectation
from careline_ingest.schedule import is_schedule

Target = Literal[
    "external_id", "registered_at", "phone", "name", "birth_date", "policy_number", "channel",
    "kind", "subject", "territory", "organisation", "text", "answer", "status", "outcome", "version", "recording",
]  # fmt: skip
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Mode = Literal["evolve", "freeze", "discard_row", "discard_value"]
Kind = Literal["sftp", "https", "folder", "portal", "open311", "push"]

OPEN311_MAP: Mapping[Target, str] = {
    "external_id": "service_request_id",
    "registered_at": "requested_datetime",
    "version": "updated_datetime",
    "subject": "service_code",
    "text": "description",
}
"""What the fields of a GeoReport v2 request mean; a source may map its own over them."""

_DELIMITER_NAMES = {"tab": "\t", "\\t": "\t", "semicolon": ";", "comma": ",", "pipe": "|"}


def _encoding(name: str) -> str:
    if not is_text_encoding(name):
        raise ValueError(f"no encoding {name!r}: give one such as cp1251 or utf-8")
    return name


def _delimiter(text: str) -> str:
    character = _DELIMITER_NAMES.get(text, text)
    if len(character) != 1 or character in '"\r\n\x00' or character.isalnum():
        raise ValueError("give one character such as ; or the word tab")
    return character


def _region(code: str) -> str:
    if code not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError(f"no region {code!r}: give two capital letters such as RU")
    return code


def _schedule(cron: str) -> str:
    if not is_schedule(cron.strip()):
        raise ValueError("give five cron fields such as 0 6 * * *")
    return cron.strip()


def _path(path: str) -> str:
    if not path.strip() or "\x00" in path:
        raise ValueError("give the path of a folder")
    return path


def _expression(text: str) -> str:
    compiled(text)
    return text


class MappedColumn(ConfigModel):
    """A column with more to say than its name."""

    column: str | list[str] = Field(default_factory=list)
    default: str | None = None
    values: dict[str, str] = Field(default_factory=dict)
    expression: Annotated[str, AfterValidator(_expression)] | None = None
    """CEL over `row`, the cells by column, and `value`, this cell; `values` and `default` come after it."""

    @property
    def names(self) -> tuple[str, ...]:
        return (self.column,) if isinstance(self.column, str) else tuple(self.column)


class Paging(ConfigModel):
    """How a portal's list is walked through; paths are such as `$.data.items`."""

    mode: Literal["next", "cursor", "page", "offset", "since"] = "next"
    items: str | None = None
    next: str | None = None
    param: str | None = None
    overlap_s: Annotated[float, Field(ge=0, le=30 * 86400, allow_inf_nan=False)] = 300.0
    """So much before the last change of the visit before the next one begins."""
    first: Annotated[int, Field(ge=0)] = 1
    """The number of the first page."""
    size_param: str | None = None
    size: Annotated[int, Field(ge=1, le=100_000)] | None = None


class Expected(ConfigModel):
    """What a feed should bring a day; a number alone is `rows`."""

    rows: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    weekdays: dict[Weekday, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = Field(
        default_factory=dict
    )
    low_pct: Annotated[float, Field(ge=0, le=100)] = 50.0
    high_pct: Annotated[float, Field(ge=100, le=10_000)] = 180.0
    by: time | None = None
    """When the feed of a day has come at the latest, on the clock of the source's zone."""


class SourceEntry(RemoteAccess):
    """A partner's feed: where it comes from and what its columns mean."""

    id: Id
    record: Literal["appeal", "visit", "appointment"] = "appeal"
    kind: Kind
    format: Literal["csv", "xlsx", "json", "ndjson", "xml"] = "csv"
    """`xlsx` is any spreadsheet: XLS and ODS too. Any of them may come in a ZIP."""
    insurer: Id | None = None

    path: Annotated[str, AfterValidator(_path)] | None = None

    encodings: list[Annotated[str, AfterValidator(_encoding)]] = Field(default_factory=list)
    delimiter: Annotated[str, AfterValidator(_delimiter)] | None = None
    rows: str | None = None
    map: dict[Target, str | list[str] | MappedColumn] = Field(default_factory=dict)
    region: Annotated[str, AfterValidator(_region)] = "RU"
    zone: ZoneName = "Europe/Moscow"

    schedule: Annotated[str, AfterValidator(_schedule)] | None = None
    paging: Paging | None = None
    contract: Mode | dict[Target | Literal["columns", "data_type"], Mode] | None = None
    """What a bad value does, for all targets that it is possible for, or by target; `data_type` stands for
    the others, and `columns` for columns that are not mapped."""
    expected: Annotated[int, Field(ge=0)] | Expected | None = None
    recordings: Recordings | None = None
    """Where the partner keeps the recordings of the talks that his appeals are about."""

    @model_validator(mode="after")
    def _check_whole(self) -> Self:
        if self.kind == "folder" and self.path is None:
            raise ValueError("path: a folder needs its path")
        if self.kind in ("sftp", "https", "portal") and self.url is None:
            raise ValueError(f"url: {self.kind} needs an address")
        if self.kind != "open311" and "external_id" not in self.map:
            raise ValueError("map: external_id must be mapped, by it a record is known again")
        for target, mode in self.modes().items():
            if not _is_possible(target, mode, self.record):
                raise ValueError(f"contract: {target} cannot be {mode}")
        return self

    def modes(self) -> dict[str, str]:
        """The contract by target, as far as it says something else than `discard_row`."""
        by_target: dict[str, str] = {}
        if isinstance(self.contract, str):
            general: str = self.contract
            if general in {"evolve", "freeze"}:
                by_target["columns"] = general
        else:
            by_target |= {str(name): mode for name, mode in (self.contract or {}).items()}
            general = by_target.pop("data_type", "discard_row")
        for target in get_args(Target):
            if general != "discard_row" and _is_possible(target, general, self.record):
                by_target.setdefault(target, general)
        return by_target

    def columns(self) -> tuple[Column, ...]:
        known = OPEN311_MAP if self.kind == "open311" else {}
        return tuple(_column(target, said) for target, said in {**known, **self.map}.items())

    @property
    def is_fetched(self) -> bool:
        """Whether its files are fetched from a partner's server. A portal that speaks Open311 and
        has no address files its appeals here itself."""
        return self.kind in FETCHED and self.url is not None

    @property
    def expectation(self) -> Expectation:
        """What its owner says that it brings."""
        said = self.expected
        if not isinstance(said, Expected):
            return Expectation(rows=said)
        weekdays = {str(day): rows for day, rows in said.weekdays.items()}
        return Expectation(
            rows=said.rows,
            weekdays=weekdays,
            low_pct=said.low_pct,
            high_pct=said.high_pct,
            by=said.by,
        )

    @property
    def wants_answers(self) -> bool:
        """Whether the sender of a file hears what became of each row."""
        return self.answers is not None or self.answers_url is not None

    @property
    def file_format(self) -> str:
        """What its files are in: a list that is fetched page by page becomes NDJSON here."""
        return "ndjson" if self.kind in LISTS else self.format

    @property
    def channel(self) -> str:
        """How its records came to the journal where they do not say."""
        if self.insurer is not None:
            return "insurer"
        return "portal" if self.kind in ("portal", "open311") else "phone"


def _is_possible(target: str, mode: str, record: str) -> bool:
    """A record without its identity is none, nor a visit without its time; a code that nobody knows may
    be taken only where the journal keeps what partners say."""
    if mode == "evolve":
        return target in {"columns", "subject", "territory", "organisation"}
    if mode == "discard_value":
        needed = {"external_id"} if record == "appeal" else {"external_id", "registered_at"}
        return target not in needed | {"columns"}
    return mode == "freeze" or target != "columns"


def _column(target: str, said: str | list[str] | MappedColumn) -> Column:
    if isinstance(said, str):
        return Column(target=target, names=(said,))
    if isinstance(said, list):
        return Column(target=target, names=tuple(said))
    values = {folded(code): meaning for code, meaning in said.values.items()}
    return Column(
        target=target,
        names=said.names,
        default=said.default,
        values=values,
        expression=said.expression,
    )


SECTIONS: tuple[Section, ...] = (
    Section("sources", SourceEntry, secrets=SECRETS),
    Section("insurers", Insurer),
    Section("subjects", Subject),
    Section("territories", Territory),
    Section("organisations", Organisation),
)


def cross_check(configuration: Configuration) -> Iterable[Fault]:
    """What only shows beside the other entries or settings: the insurer of a source must be known,
    and what is said about fetching must suit its kind, and a key belongs to one source."""
    insurers = configuration.all("insurers", Insurer)
    keys: dict[str, str] = {}
    for source_id, source in configuration.all("sources", SourceEntry).items():
        if source.insurer is not None and source.insurer not in insurers:
            yield Fault("sources", source_id, "insurer", f"there is no insurer {source.insurer!r}")
        key = source.api_key.get_secret_value() if source.api_key else source_id
        if keys.setdefault(key, source_id) != source_id:
            yield Fault("sources", source_id, "api_key", "another source has it: whose is it?")
        for path, reason in source.unsuitable(source.kind):
            yield Fault("sources", source_id, path, reason)


def feed_spec(source: SourceEntry, configuration: Configuration) -> FeedSpec:
    """How files of this source are read under this configuration."""
    return FeedSpec(
        source=source.id,
        record=source.record,
        format=source.file_format,
        columns=source.columns(),
        encodings=() if source.kind in LISTS else tuple(source.encodings),
        delimiter=source.delimiter,
        rows=source.rows,
        region=source.region,
        zone=source.zone,
        channel=source.channel,
        insurer=source.insurer,
        contract=source.modes(),
        references={
            "subject": _meanings(configuration.all("subjects", Subject)),
            "territory": _meanings(configuration.all("territories", Territory)),
            "organisation": _meanings(configuration.all("organisations", Organisation)),
        },
    )


def _meanings(entries: Mapping[str, Subject | Territory | Organisation]) -> dict[str, str]:
    """By id and by name; a name that two of them have means neither."""
    times = Counter(folded(entry.name) for entry in entries.values())
    named = {folded(e.name): e.id for e in entries.values() if times[folded(e.name)] == 1}
    named.pop("", None)
    return {**named, **{folded(entry_id): entry_id for entry_id in entries}}
