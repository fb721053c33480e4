"""Entries of the configuration file: what is right, and what is said of the rest."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from careline_common.config import (
    MASK,
    AgentEntry,
    Calendar,
    ConfigModel,
    HttpAddress,
    Id,
    Line,
    PlainEntry,
    Section,
    WebhookSecret,
    Window,
    with_absolute_files,
)
from careline_common.config import secrets as config_secrets
from careline_common.config.section import EntryInvalidError, Given

pytestmark = pytest.mark.unit

TODAY = date(2026, 3, 2)


class Pbx(ConfigModel):
    id: Id
    url: HttpAddress | None = None
    secret: WebhookSecret | None = None
    password: SecretStr | None = None


PBXS = Section("pbxs", Pbx, secrets=("secret", "password"))
CALENDARS = Section("calendars", Calendar)
AGENTS = Section("agents", AgentEntry)
SKILLS = Section("skills", PlainEntry, plain=True)
LINES = Section("lines", Line, key="number")


def _calendar(**values: Any) -> Calendar:
    entry = {"id": "c1", "zone": "Europe/Moscow", "weekly": {"mon": ["09:00-18:00"]}, **values}
    read = CALENDARS.read(entry, strict=True, today=TODAY)
    assert isinstance(read, Calendar)
    return read


def _faults(section: Section, raw: Any) -> list[tuple[str, str]]:
    with pytest.raises(EntryInvalidError) as invalid:
        section.read(raw, strict=True, today=TODAY)
    return [(error["path"], error["reason"]) for error in invalid.value.errors]


def test_windows_of_a_day_come_in_order_of_time() -> None:
    calendar = _calendar(weekly={"mon": ["14:00-24:00", "09:00-13:00"], "tue": []})
    assert calendar.windows_on(date(2026, 3, 2)) == (Window(540, 780), Window(840, 1440))
    assert calendar.windows_on(date(2026, 3, 3)) == ()
    assert calendar.windows_on(date(2026, 3, 4)) == ()


@pytest.mark.parametrize(
    ("working", "day", "windows"),
    [
        (["2026-03-07"], "2026-03-07", ((540, 1080),)),  # Saturday has none: Monday's
        (["2026-03-08"], "2026-03-08", ((600, 720),)),  # Sunday's own weekday
        ({"2026-03-07": ["10:00-12:00"]}, "2026-03-07", ((600, 720),)),
        ({"2026-03-02": ["10:00-12:00"]}, "2026-03-02", ((600, 720),)),
    ],
)
def test_a_working_date_takes_its_own_windows_or_its_weekday_s_or_monday_s(
    working: Any, day: str, windows: tuple[tuple[int, int], ...]
) -> None:
    weekly = {"mon": ["09:00-18:00"], "sun": ["10:00-12:00"]}
    calendar = _calendar(weekly=weekly, working=working)
    assert calendar.windows_on(date.fromisoformat(day)) == windows


def test_a_closed_date_has_no_windows() -> None:
    assert _calendar(closed=["2026-03-02"]).windows_on(date(2026, 3, 2)) == ()


WRONG_CALENDARS: list[tuple[dict[str, Any], str, str]] = [
    ({"zone": "Europe/Moskau"}, "zone", "no time zone"),
    ({"zone": "../../etc/passwd"}, "zone", "no time zone"),
    ({"weekly": {"mon": ["09:00-13:00", "12:00-18:00"]}}, "weekly", "mon: 09:00-13:00 and"),
    ({"weekly": {"mon": ["18:00-09:00"]}}, "weekly", "runs backwards"),
    ({"weekly": {"mon": ["09:00-09:00"]}}, "weekly", "runs backwards"),
    ({"weekly": {"mon": ["09:00-24:01"]}}, "weekly", "no time of a day"),
    ({"weekly": {"mon": ["09:60-10:00"]}}, "weekly", "no time of a day"),
    ({"weekly": {"mon": ["9-18"]}}, "weekly", "no window"),
    ({"weekly": {"Monday": ["09:00-18:00"]}}, "weekly", "no weekday"),
    ({"weekly": {"mon": "09:00-18:00"}}, "weekly.mon", "valid list"),
    ({"weekly": {}}, "", "no working time in a year"),
    ({"weekly": {"mon": []}}, "", "no working time in a year"),
    ({"weekly": {}, "working": ["2026-03-07"]}, "", "has no windows"),
    ({"weekly": {}, "working": {"2026-03-07": []}}, "working", "no windows"),
    ({"weekly": {}, "working": {"2024-03-07": ["09:00-10:00"]}}, "", "no working time in a year"),
    ({"closed": ["2026-02-30"]}, "closed[0]", "date"),
    ({"closed": ["2026-03-07"], "working": ["2026-03-07"]}, "", "both closed and working"),
    ({"holidays": []}, "holidays", "unknown field"),
]


@pytest.mark.parametrize(("changes", "path", "reason"), WRONG_CALENDARS)
def test_a_wrong_calendar_is_told_where(changes: dict[str, Any], path: str, reason: str) -> None:
    entry = {"id": "c1", "zone": "Europe/Moscow", "weekly": {"mon": ["09:00-18:00"]}, **changes}
    faults = _faults(CALENDARS, entry)
    assert any(at == path and reason in said for at, said in faults), faults


WINDOWS = st.tuples(st.integers(0, 1439), st.integers(1, 1440)).filter(lambda w: w[0] < w[1])


@given(st.lists(WINDOWS, max_size=6))
def test_windows_that_are_taken_never_overlap(windows: list[tuple[int, int]]) -> None:
    texts = [f"{a // 60:02}:{a % 60:02}-{b // 60:02}:{b % 60:02}" for a, b in windows]
    minutes = [minute for start, end in windows for minute in range(start, end)]
    overlap = len(minutes) != len(set(minutes))
    try:
        calendar = _calendar(weekly={"mon": ["09:00-10:00"], "tue": texts})
    except EntryInvalidError:
        assert overlap
    else:
        assert not overlap
        assert sum(w.end - w.start for w in calendar.windows_on(date(2026, 3, 3))) == len(minutes)


@pytest.mark.parametrize(
    ("section", "entry", "path"),
    [
        (AGENTS, {"id": "a1", "skills": {"adult": 11}}, "skills.adult"),
        (AGENTS, {"id": "a1", "skills": {"adult": 0}}, "skills.adult"),
        (AGENTS, {"id": "a1", "accept": "maybe"}, "accept"),
        (AGENTS, {"id": "a/1"}, "id"),
        (AGENTS, {"id": ""}, "id"),
        (AGENTS, {"id": "a1", "skill": {}}, "skill"),
        (LINES, {"number": "4950000001", "flow": "main"}, "number"),
        (LINES, {"number": "+74950000001"}, "flow"),
        (LINES, {"number": "+74950000001", "flow": "main", "zone": "Mars"}, "zone"),
        (PBXS, {"id": "p", "url": "file:///etc/passwd"}, "url"),
        (PBXS, {"id": "p", "url": "http://"}, "url"),
        (PBXS, {"id": "p", "url": "http://[::1"}, "url"),
        (PBXS, {"id": "p", "secret": "hunter2"}, "secret"),
    ],
)
def test_a_wrong_entry_is_told_by_its_path(section: Section, entry: Any, path: str) -> None:
    assert [at for at, _ in _faults(section, entry)] == [path]


def test_a_line_keeps_its_number_as_e164() -> None:
    line = LINES.read({"number": "+7 (495) 000-00-01", "flow": "main"}, strict=True)
    assert isinstance(line, Line)
    assert line.number == "+74950000001"


def test_an_unknown_field_is_a_fault_in_the_file_and_nothing_in_the_api() -> None:
    entry = {"id": "a1", "colour": "red"}
    assert _faults(AGENTS, entry) == [("colour", "unknown field")]
    assert AGENTS.read(entry, strict=False) == AgentEntry(id="a1")
    assert AGENTS.kept(entry) == {"id": "a1"}


def _given(section: Section, part: Any) -> list[Any]:
    return list(section.given(part))


def test_entries_are_found_by_key_name_or_as_the_one_mapping() -> None:
    crm = Section("crm", Pbx, singleton=True)
    assert _given(SKILLS, ["adult"]) == [Given("skills[0]", "adult", {"id": "adult"})]
    assert _given(LINES, [{"number": "+7"}]) == [Given("lines[0]", "+7", {"number": "+7"})]
    assert _given(crm, {"url": "x"}) == [Given("crm", "crm", {"url": "x"})]


@pytest.mark.parametrize(
    ("section", "part", "path", "reason"),
    [
        (AGENTS, {"a1": {}}, "agents", "give a list"),
        (AGENTS, ["a1"], "agents[0]", "give a mapping"),
        (AGENTS, [{"name": "A"}], "agents[0].id", "required"),
        (AGENTS, [{"id": 46}], "agents[0].id", "give a text, in quotes"),
        (AGENTS, [{"id": "a1"}, {"id": "a1"}], "agents[1].id", "'a1' is here twice"),
        (SKILLS, ["adult", "adult"], "skills[1]", "'adult' is here twice"),
        (SKILLS, [7], "skills[0]", "give a text, in quotes"),
        (Section("crm", Pbx, singleton=True), [], "crm", "give one mapping"),
    ],
)
def test_what_is_no_entry_is_told(section: Section, part: Any, path: str, reason: str) -> None:
    assert _given(section, part)[-1] == {"path": path, "reason": reason}


SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZg=="


def test_a_secret_may_come_from_a_file_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pbx.secret").write_text(f"{SECRET}\n")
    monkeypatch.setenv("PBX_PASSWORD", "opensesame")
    raw = with_absolute_files(
        {"id": "p", "secret_file": "pbx.secret", "password_env": "PBX_PASSWORD"}, tmp_path
    )
    pbx = PBXS.read(raw, strict=True)
    assert isinstance(pbx, Pbx)
    assert pbx.secret is not None
    assert pbx.password is not None
    assert pbx.secret.get_secret_value() == SECRET
    assert pbx.password.get_secret_value() == "opensesame"
    assert PBXS.kept(raw) == raw


def test_an_absolute_file_stays_where_it_is(tmp_path: Path) -> None:
    document = {"pbxs": [{"secret_file": "/run/secrets/x"}]}
    assert with_absolute_files(document, tmp_path) == document


@pytest.mark.parametrize(
    ("raw", "path", "reason"),
    [
        ({"secret_file": "/nowhere/at/all"}, "secret_file", "the file cannot be read: No such"),
        ({"secret_file": "/dev/null"}, "secret_file", "the file is empty"),
        ({"secret_file": 7}, "secret_file", "give a name"),
        ({"secret_env": "CARELINE_NO_SUCH_VARIABLE"}, "secret_env", "no environment variable"),
        ({"secret": SECRET, "secret_env": "HOME"}, "secret_env", "given twice"),
    ],
)
def test_a_secret_that_cannot_be_had_is_told(raw: dict[str, Any], path: str, reason: str) -> None:
    ((at, said),) = _faults(PBXS, {"id": "p", **raw})
    assert at == path
    assert reason in said


def test_secrets_are_never_shown() -> None:
    pbx = PBXS.read({"id": "p", "secret": SECRET, "password": "opensesame"}, strict=True)
    shown = PBXS.shown(pbx)
    assert shown == {"id": "p", "url": None, "secret": MASK, "password": MASK}
    assert SECRET not in repr(pbx)
    assert "opensesame" not in repr(pbx)


def test_a_mask_that_comes_back_keeps_the_secret() -> None:
    kept = {"id": "p", "secret_file": "/run/x", "deep": {"password": "p1"}}
    sent = {"id": "p", "secret": MASK, "deep": {"password": MASK, "new": 1}}
    names = ("secret", "password")
    assert config_secrets.unmasked(sent, kept, names) == {
        "id": "p",
        "secret_file": "/run/x",
        "deep": {"password": "p1", "new": 1},
    }
    assert config_secrets.unmasked({"secret": "new"}, kept, names) == {"secret": "new"}
