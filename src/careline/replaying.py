"""`careline sim replay`: from a router's database to JSON, a table and a picture."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from pydantic import ValidationError
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError

from careline.applying import check_sections_known
from careline.configuration import ConfigurationError, Document, read
from careline.databases import database_of
from careline.datadir import CannotError, DataDir
from careline.simulating import known_policies, show
from careline_common.clock import SystemClock
from careline_common.config.entries import ConfigInvalidError, Configuration, Entry
from careline_common.config.store import ConfigStore
from careline_common.db.engine import Database, ReadConnection
from careline_common.db.migrate import MigrationsPendingError, require_current
from careline_common.ids import UuidIds
from careline_router.config import SECTIONS, cross_check
from careline_router.db.past import days, read_past
from careline_router.domain.events import Event
from careline_router.floorplan import FloorPlan
from careline_router.runtime.codec import decode
from careline_router.runtime.floor_actor import FLOOR
from careline_router.simulation.drawing import NothingHandledError
from careline_router.simulation.history import read_day
from careline_router.simulation.past import LEAD_S, READ_ON_S, PastDay, Window
from careline_router.simulation.plots import FORMATS, draw_half_hours
from careline_router.simulation.record import DayRecord
from careline_router.simulation.replay_report import AS_IT_WAS, REPLAYED, Answer, Question, answer
from careline_router.simulation.rerouting import Changed

MOST_DAYS = 10
COLUMNS = {
    "sl": "SL %", "lcr": "LCR %", "asa": "ASA s", "p95": "P95 s", "p99": "P99 s",
    "occupancy": "busy %",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Span:
    """Which part of the journal; `shown` is how people call it."""

    window: Window
    zone: str
    shown: str

    @property
    def utc_offset_s(self) -> float:
        at = datetime.fromtimestamp(self.window.since, UTC).astimezone(ZoneInfo(self.zone))
        return (at.utcoffset() or timedelta()).total_seconds()


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command is told."""

    span: Span
    policies: tuple[str, ...]
    config: Document | None
    without_agents: tuple[str, ...]
    plot: Path | None


def asked(
    *,
    day: str | None,
    zone: str,
    since: str | None,
    until: str | None,
    policy: str | None,
    config: Path | None,
    without_agents: str | None,
    plot: Path | None,
) -> Asked:
    """Wrong usage ends here, in one line and exit 2; a file that is no configuration is its own error."""
    if plot is not None and plot.suffix not in FORMATS:
        _wrong(f"--plot {plot}: the name must end in {' or '.join(FORMATS)}")
    names = tuple(name.strip() for name in (without_agents or "").split(",") if name.strip())
    document = None if config is None else read(config)
    if document is not None:
        check_sections_known(document)
    return Asked(
        span=_span(day, zone, since, until),
        policies=() if policy is None else known_policies(policy),
        config=document,
        without_agents=names,
        plot=plot,
    )


async def replay_day(
    what: Asked, data: DataDir, database_url: str | None, *, as_json: bool
) -> None:
    """Reads, plays and tells."""
    async with database_of(data, database_url) as url:
        past, was, changed = await _read(url, what)
    _check_agents(past, what.without_agents)
    question = Question(
        policies=what.policies,
        changed=changed,
        without_agents=what.without_agents,
        utc_offset_s=what.span.utc_offset_s,
    )
    try:
        found = answer(past, was, question)
    except NothingHandledError as error:
        raise CannotError(
            f"nobody was answered on {what.span.shown}, so there is nothing to play it from"
        ) from error
    _tell(what, found, as_json=as_json)


# -- which day -------------------------------------------------------------------------------------


def _wrong(message: str) -> NoReturn:
    typer.echo(f"careline: {message}", err=True)
    raise typer.Exit(2)


def _span(day: str | None, zone: str, since: str | None, until: str | None) -> Span:
    try:
        local = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        _wrong(f"--zone {zone!r}: no such time zone; say it like Europe/Moscow")
    if day is not None and since is None and until is None:
        first = _day(day)
        begins = datetime.combine(first, time(), local)
        ends = datetime.combine(first + timedelta(days=1), time(), local)
        shown = f"{first} ({zone})"
    elif day is None and since is not None and until is not None:
        begins, ends = _moment("--from", since, local), _moment("--to", until, local)
        shown = f"{begins.isoformat()} to {ends.isoformat()}"
    else:
        _wrong("say which day: --day, or --from and --to")
    if ends <= begins:
        _wrong("--to must be after --from")
    return Span(Window(begins.timestamp(), ends.timestamp()), zone, shown)


def _day(text: str) -> date:
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
    _wrong(f"--day {text!r}: say it like 2026-11-25")


def _moment(option: str, text: str, local: ZoneInfo) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        _wrong(f"{option} {text!r}: say it like 2026-11-25T08:00")
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=local)


# -- reading ---------------------------------------------------------------------------------------


async def _read(url: str, what: Asked) -> tuple[PastDay, DayRecord, Changed | None]:
    database = Database(
        url, schema="router", source="router", clock=SystemClock(), ids=UuidIds(), pool_size=2
    )
    try:
        await require_current(url, package="careline_router", schema="router")
        changed = None if what.config is None else await _changed(database, what.config)
        async with database.read() as connection:
            return *(await _read_day(connection, what.span)), changed
    except (MigrationsPendingError, SQLAlchemyError, OSError) as error:
        raise CannotError(f"cannot read the journal: {error}") from error
    finally:
        await database.close()


async def _read_day(connection: ReadConnection, span: Span) -> tuple[PastDay, DayRecord]:
    window = span.window
    since, until = window.since - LEAD_S, window.until + READ_ON_S
    events = [
        _event(kind, data)
        async for kind, data in read_past(connection, FLOOR, since=since, until=until)
    ]
    day, was = read_day(events, window)
    if not any(day.counts(call) for call in day.calls):
        known = await days(connection, FLOOR, span.zone)
        if not known:
            raise CannotError("there is no journal of calls in this database yet")
        listed = ", ".join(f"{one.day} ({one.calls})" for one in known[-MOST_DAYS:])
        more = "the last are " if len(known) > MOST_DAYS else "there are "
        raise CannotError(f"no calls on {span.shown}; {more}{listed}")
    return day, was


def _event(kind: str, data: str) -> Event:
    try:
        return decode(kind, data)
    except (KeyError, ValidationError) as error:
        raise CannotError(
            f"the journal has a {kind} that this version cannot read; use the router's version"
        ) from error


async def _changed(database: Database, document: Document) -> Changed:
    """The configuration as it would be if the file were applied, checked as then."""
    store = ConfigStore(database, SECTIONS, clock=SystemClock(), cross_check=cross_check)
    try:
        await store.check(document.sections)
    except ConfigInvalidError as error:
        findings = [document.finding(one["path"], one["reason"]) for one in error.errors]
        raise ConfigurationError(document.file, findings) from error
    current = await store.load()
    given = [
        Entry(section.name, item.id, section.read(item.raw, strict=True), 0)
        for section in SECTIONS
        if document.sections.get(section.name) is not None
        for item in section.given(document.sections[section.name])
        if not isinstance(item, dict)
    ]
    kept = [entry for section in SECTIONS for entry in current.entries(section.name)]
    named: dict[str, set[str]] = {}
    for entry in given:
        named.setdefault(entry.section, set()).add(entry.id)
    return Changed(
        plan=FloorPlan.of(Configuration([*kept, *given])),
        named={section: frozenset(ids) for section, ids in named.items()},
    )


def _check_agents(day: PastDay, names: tuple[str, ...]) -> None:
    there = sorted(agent.id for agent in day.agents if agent.presence)
    unknown = [name for name in names if name not in there]
    if unknown:
        raise CannotError(
            f"no agent {', '.join(map(repr, unknown))} was at work; there were {', '.join(there)}"
        )


# -- telling ---------------------------------------------------------------------------------------


def _tell(what: Asked, found: Answer, *, as_json: bool) -> None:
    if what.plot is not None:
        hours = {name: [one] for name, one in found.half_hours.items()}
        try:
            draw_half_hours(what.span.shown, hours, what.plot, in_time="answered in target, %")
        except OSError as error:
            raise CannotError(
                f"cannot write {what.plot}: {error.strerror}; name another file with --plot"
            ) from error
    window = what.span.window
    whole = {
        "from": datetime.fromtimestamp(window.since, UTC).isoformat(),
        "to": datetime.fromtimestamp(window.until, UTC).isoformat(),
        "config": None if what.config is None else str(what.config.file),
        **found.report,
    }
    if as_json:
        typer.echo(json.dumps(whole, indent=1))
    else:
        show(_table(what.span.shown, whole))


def _table(shown: str, told: dict[str, Any]) -> Table:
    drawn = told["drawn"]
    table = Table(
        "played",
        *COLUMNS.values(),
        title=f"{shown}: {told['calls']} calls, {told['agents']} agents, policy {told['policy']}",
        caption=f"in brackets: the replay's error; of policies: the difference to '{REPLAYED}'."
        f" Drawn (seed {drawn['seed']}): the patience of {drawn['patience']} callers who did not"
        f" give up, the handle time of {drawn['handle_time']} calls that nobody had",
    )
    rows = {AS_IT_WAS: (told["as_it_was"], ""), REPLAYED: (told["replayed"], "error")}
    rows |= {name: (figures, "delta") for name, figures in told["policies"].items()}
    for name, (figures, against) in rows.items():
        more = figures[against] if against else {}
        table.add_row(name, *(_cell(figures[key], more.get(key)) for key in COLUMNS))
    return table


def _cell(value: float | None, more: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" if more is None else f"{value:.2f} ({more:+.2f})"
