"""The section `records`, and how to log in: what is wrong is said, and where."""

from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from careline_common.config.section import EntryInvalidError
from careline_router.config import SECTIONS
from careline_router.domain.insurance import InsuranceKind
from careline_router.login_config import SystemEntry
from careline_router.records_config import PolicyField, RecordsEntry, records_faults

pytestmark = pytest.mark.unit

HTTP: dict[str, Any] = {"kind": "http", "url": "https://r.example/api"}
LOGIN: dict[str, Any] = {
    **HTTP,
    "token_url": "https://r.example/token",
    "client_id": "careline",
    "client_secret": "s",
}
MAP = {name: f"$.{name}" for name in ("state", "number", "birth_date")}


def faults(**entry: Any) -> list[str]:
    try:
        made = RecordsEntry(**entry)
    except ValidationError as error:
        return [".".join(map(str, each["loc"])) or each["msg"] for each in error.errors()]
    return [path for path, _ in records_faults(made)]


@pytest.mark.parametrize(
    "entry",
    [
        {},
        HTTP,
        LOGIN,
        {**HTTP, "map": MAP},
        {**HTTP, "paths": ["/p/{policy_number}/{birth_date}"]},
        {**LOGIN, "token_url": "https://login.example/t", "token_hosts": ["Login.example"]},
        {**LOGIN, "url": "http://127.0.0.1:1", "token_url": "http://127.0.0.1:2/t"},
    ],
)
def test_what_is_right_is_taken(entry: dict[str, Any]) -> None:
    assert faults(**entry) == []


ELSEWHERE = "Value error, a secret goes to login.example: name that host in token_hosts"


@pytest.mark.parametrize(
    ("entry", "where"),
    [
        ({"kind": "http"}, "Value error, insurance records of kind http need url"),
        ({**HTTP, "url": "ftp://r.example"}, "url"),
        ({**HTTP, "url": "https://r.example/{phone}"}, "url"),
        ({**HTTP, "paths": []}, "paths"),
        ({**HTTP, "paths": ["//elsewhere.example/{phone}"]}, "paths.0"),
        ({**HTTP, "paths": ["https://elsewhere.example/{phone}"]}, "paths.0"),
        ({**HTTP, "paths": ["/p?born={birth_date}"]}, "paths.0"),
        ({**HTTP, "paths": ["/p?phone={phone}&name={name}"]}, "paths.0"),
        ({**HTTP, "map": {**MAP, "number": "number"}}, "map.number"),
        ({**HTTP, "map": {"state": "$.s", "number": "$.n"}}, "map.birth_date"),
        ({**HTTP, "map": {**MAP, "kind": {"field": "$.k", "values": {"1": "dms"}}}}, "map.kind.values"),
        ({**HTTP, "cache_s": 301}, "cache_s"),
        ({**LOGIN, "token": "t"}, "Value error, give token or token_url, not both"),
        ({**HTTP, "client_id": "c"}, "Value error, client_id: say where the login is (token_url)"),
        ({**LOGIN, "client_secret": None}, "Value error, a login at token_url needs client_secret"),
        ({**LOGIN, "token_url": "https://login.example/t"}, ELSEWHERE),
        ({**LOGIN, "token_url": "http://r.example/t"}, "token_url"),
        ({**LOGIN, "token_hosts": ["https://login.example"]}, "token_hosts.0"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(entry: dict[str, Any], where: str) -> None:
    assert faults(**entry) == [where]


NAMES = [*RecordsEntry.model_fields, *get_args(PolicyField), *get_args(InsuranceKind)]


@pytest.mark.parametrize("name", NAMES)
def test_it_is_documented(project_folder: Path, name: str) -> None:
    text = (project_folder / "docs" / "records.md").read_text(encoding="utf-8")
    assert f"`{name}`" in text


def test_the_defaults_are_those_of_the_settings(project_folder: Path) -> None:
    text = (project_folder / "docs" / "records.md").read_text(encoding="utf-8")
    for name, field in RecordsEntry.model_fields.items():
        if isinstance(field.default, int | float):
            assert f"`{name}` | {field.default:,} |" in text


@pytest.mark.parametrize("name", ["records", "booking"])
def test_a_secret_is_taken_from_the_environment_by_its_name_and_never_shown(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (section,) = (each for each in SECTIONS if each.name == name)
    given = {key: value for key, value in LOGIN.items() if key != "client_secret"}
    raw = {**given, "clinics": {"north": "17"}, "client_secret_env": "OF_A_PARTNER"}
    monkeypatch.delenv("OF_A_PARTNER", raising=False)
    with pytest.raises(EntryInvalidError) as told:
        section.read(raw, strict=False)
    assert told.value.errors == [
        {"path": "client_secret_env", "reason": "no environment variable OF_A_PARTNER"}
    ]
    monkeypatch.setenv("OF_A_PARTNER", "let me in")
    entry = section.read(raw, strict=False)
    assert isinstance(entry, SystemEntry)
    assert entry.client_secret is not None
    assert entry.client_secret.get_secret_value() == "let me in"
    assert "let me in" not in str(section.shown(entry))
    assert section.kept(raw)["client_secret_env"] == "OF_A_PARTNER"
