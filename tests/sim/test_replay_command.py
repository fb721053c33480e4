"""`careline sim replay` over a real PostgreSQL, as at the terminal."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sim_journal import MIDNIGHT, Row, events, lived
from sim_scenarios import small

from careline.cli import main
from careline_router.domain import events as ev
from careline_router.runtime.codec import encode, moment
from careline_router.simulation.calls import day_calls
from careline_router.simulation.roster import make_roster

pytestmark = pytest.mark.integration

LINE = "+74950000001"
DAY = ("--day", "2026-11-25")
CONFIG = f"""
careline: 1
skills: [adult]
queues: [{{id: adult, target_s: 20}}, {{id: cash}}]
flows:
  - id: main
    default: {{queue: adult, skills: {{adult: 1}}}}
    rules: [{{when: "crm.payer == 'cash' && time.hour >= 3", queue: cash, skills: {{adult: 1}}}}]
lines: [{{number: "{LINE}", flow: main, language: ru, zone: Europe/Moscow}}]
"""


def as_recorded(event: ev.Event) -> ev.Event:
    """The event with what a router knows besides: line and CRM facts."""
    match event:
        case ev.CallRegistered():
            return replace(event, line=LINE)
        case ev.CallQueued():
            payer = "cash" if event.priority == "cash" else "insured"
            return replace(event, payer=payer, crm={"status": "found", "payer": payer})
        case _:
            return event


def a_journal() -> list[tuple[ev.Event, Row]]:
    scenario = small(calls=400, agents=8)
    _, rows = lived(scenario, day_calls(scenario, 2), make_roster(scenario, 8), "rrmemory_w0")
    return [(event, encode(event)) for event in map(as_recorded, events(rows))]


@pytest.fixture
async def journal(database_url: str) -> str:
    rows = [
        ("main", number, moment(event.at), kind, data)
        for number, (event, (kind, data)) in enumerate(a_journal(), start=1)
    ]
    connection = await asyncpg.connect(database_url)
    try:
        await connection.copy_records_to_table(
            "journal",
            schema_name="router",
            columns=["floor", "seq", "at", "kind", "data"],
            records=rows,
        )
    finally:
        await connection.close()
    return database_url


@dataclass(frozen=True, slots=True)
class Done:
    """What a command ended with."""

    code: int
    stdout: str
    stderr: str


Run = Callable[..., Done]


@pytest.fixture
def careline(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Run:
    """`careline sim replay` in this process: starting one anew takes longer than a replay."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CARELINE_DATABASE_URL", raising=False)

    def run(*arguments: str) -> Done:
        monkeypatch.setattr("sys.argv", ["careline", "sim", "replay", *arguments])
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        return Done(code, *capsys.readouterr())

    return run


def told_by(done: Done) -> dict[str, Any]:
    assert (done.code, done.stderr) == (0, "")
    told: dict[str, Any] = json.loads(done.stdout)
    return told


async def configured(url: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval("SELECT count(*) FROM router.config_entry"))
    finally:
        await connection.close()


def test_a_day_of_a_real_journal_is_replayed_without_error(
    journal: str, careline: Run, tmp_path: Path
) -> None:
    where = ("--database-url", journal)
    told = told_by(careline(*where, *DAY, "--policy", "careline", "--plot", "day.svg", "--json"))
    assert told["policy"] == "rrmemory_w0"
    assert told["from"] == moment(MIDNIGHT).isoformat()
    assert told["agents"] == 8
    assert told["calls"] == told["as_it_was"]["calls"] > 250
    assert set(told["replayed"]["error"].values()) == {0}
    assert told["policies"]["careline"]["delta"]["sl"] != 0
    assert (tmp_path / "day.svg").read_bytes().startswith(b"<?xml")
    fewer = told_by(careline(*where, *DAY, "--without-agents", "00000,00001,00002", "--json"))
    assert fewer["policies"]["rrmemory_w0"]["delta"]["lcr"] > 0
    table = careline(*where, *DAY)
    assert table.code == 0
    assert "replayed as it was" in table.stdout
    assert "2026-11-25 (UTC): " in table.stdout


def test_a_flow_that_is_not_published_yet_sends_the_days_calls_elsewhere(
    journal: str, careline: Run, tmp_path: Path
) -> None:
    (tmp_path / "floor.yaml").write_text(CONFIG)
    where = ("--database-url", journal)
    told = told_by(careline(*where, *DAY, "--config", "floor.yaml", "--json"))
    cash = sum(
        event.priority == "cash"
        for event, _ in a_journal()
        if isinstance(event, ev.CallQueued) and event.at < MIDNIGHT + 21 * 3600
    )
    tried = told["policies"]["rrmemory_w0"]["by_queue"]
    assert cash > 0
    assert tried["cash"]["calls"] == cash
    assert set(tried) == {"adult", "cash"}
    assert len(told["replayed"]["by_queue"]) > 2
    assert asyncio.run(configured(journal)) == 0


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("--day", "2026-11-20"), 1, "no calls on 2026-11-20 (UTC); there are 2026-11-25 ("),
        ((*DAY, "--without-agents", "zz"), 1, "no agent 'zz' was at work; there were 00000, "),
        ((*DAY, "--config", "wrong.yaml"), 1, "wrong.yaml:3:"),
    ],
)
def test_what_cannot_be_replayed_is_one_line_that_says_why(
    journal: str, careline: Run, tmp_path: Path, arguments: tuple[str, ...], code: int, told: str
) -> None:
    (tmp_path / "wrong.yaml").write_text("careline: 1\nqueues:\n  - {id: q, target_s: never}\n")
    done = careline("--database-url", journal, *arguments)
    assert (done.code, done.stdout) == (code, "")
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((*DAY, "--policy", "best"), "no policy 'best'; there are "),
        ((), "say which day: --day, or --from and --to"),
        ((*DAY, "--zone", "Mars/Olympus"), "--zone 'Mars/Olympus': no such time zone"),
        (("--day", "25.11.2026"), "--day '25.11.2026': say it like 2026-11-25"),
        (("--from", "2026-11-25T10:00", "--to", "2026-11-25"), "--to must be after --from"),
        ((*DAY, "--plot", "day.pdf"), "the name must end in .png or .svg"),
    ],
)
def test_wrong_usage_is_told_before_any_database_is_asked(
    careline: Run, arguments: tuple[str, ...], told: str
) -> None:
    done = careline("--database-url", "postgresql://nowhere/none", *arguments)
    assert (done.code, done.stdout) == (2, "")
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_database_without_calls_and_a_folder_that_is_not_there_are_told(
    database_url: str, careline: Run
) -> None:
    done = careline("--database-url", database_url, *DAY)
    assert (done.code, done.stdout) == (1, "")
    assert "there is no journal of calls in this database yet" in done.stderr
    away = careline("--data", "nowhere", *DAY)
    assert away.code == 1
    assert "name the folder with --data" in away.stderr
