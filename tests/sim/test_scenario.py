import json
from pathlib import Path
from typing import Any

import pytest
from sim_scenarios import PUBLISHED, file_of, plain, published

from careline_router.simulation.scenario import Scenario, ScenarioError, load_scenario

pytestmark = pytest.mark.unit


def written(folder: Path, content: Any) -> Path:
    file = folder / "case.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return file


def changed(path: str, value: Any) -> dict[str, Any]:
    """A plain scenario with one field changed, by a path like `queues.0.share`."""
    scenario = json.loads(json.dumps(plain()))
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    part = scenario
    for step in steps:
        part = part[step]
    part[last] = value
    return scenario


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_scenario_is_called_like_its_file(name: str) -> None:
    assert published(name).name == name == file_of(name).stem


def test_what_is_not_given_is_a_day_without_surprises(tmp_path: Path) -> None:
    scenario = load_scenario(written(tmp_path, plain()))
    assert scenario.horizon_s == 86_400
    assert scenario.load == 1
    assert scenario.surges == scenario.outages == ()
    assert scenario.lines is None
    assert scenario.speed_sd == scenario.day_cv == scenario.slot_cv == 0


def test_every_optional_field_is_taken(tmp_path: Path) -> None:
    fields = {
        "surges": [{"queue": "q", "from_h": 10, "to_h": 12.5, "factor": 2}],
        "outages": [{"from_h": 9, "to_h": 10, "share": 0.3}],
        "patience_dist": "ln", "patience_cv": 1.5, "load": 1.15, "service": "exp", "breaks": True,
        "lines": 90, "horizon": 172_800, "shrinkage": 0.3, "rostered": 10, "note": "any",
        "n_grid": [1, 2], "salt": 5,
    }  # fmt: skip
    scenario = load_scenario(written(tmp_path, plain(**fields)))
    assert scenario.horizon_s == 172_800
    assert scenario.lines == 90
    assert scenario.surges[0].factor == 2


def test_a_scenario_without_a_name_is_called_like_its_file(tmp_path: Path) -> None:
    content = plain()
    del content["name"]
    assert load_scenario(written(tmp_path, content)).name == "case"


def test_a_payer_of_weight_above_one_is_urgent_whatever_he_is_called() -> None:
    classes = {one.name: one.urgent for one in published("1420-13k").classes}
    assert classes["records/inpatient/urgent"]
    assert not classes["records/general"]


def test_work_that_waits_has_a_target_of_its_own() -> None:
    targets = {one.name: one.target_s for one in published("medsi-15k").classes}
    assert targets["tele/any"] == 900
    assert targets["adult/cash"] == 20


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("calls", -1, "calls: Input should be greater than 0"),
        ("profile", [1] * 24, "profile: "),
        ("profile", [0] * 48, "the profile sum to 0"),
        ("queues", [], "queues: "),
        ("queues.0.share", 0.5, "the shares of queues sum to 0.5; they must sum to 1"),
        ("queues.0.payers.0.share", 2, "queues[0]: the shares of payers sum to 2"),
        ("queues.0.payers.0.patience", -3, "queues[0].payers[0].patience: "),
        ("queues.0.aht", "long", "queues[0].aht: "),
        ("groups.0.skills", {"other": 1}, "groups name the queue 'other', which is not in queues"),
        ("groups.0.skills", {"q": 0}, "groups[0].skills.q: "),
        ("groups.0.skills", {"q": 5}, "level_factor has no entry for rank 5"),
        ("level_factor", [0, 1, -1], "level_factor must be above 0"),
        ("shifts.0.hours", 25, "shifts[0].hours: "),
        ("shifts.0.share", 0, "the shares of shifts sum to 0"),
        ("surges", [{"queue": "x", "from_h": 1, "to_h": 2, "factor": 2}], "surges name the queue"),
        ("agents_on_phone", 0, "agents_on_phone: "),
        ("service", "gamma", "service: Input should be 'lognormal' or 'exp'"),
        ("horizon", 24, "horizon: Input should be greater than or equal to 1800"),
    ],
)
def test_a_wrong_field_is_named_with_its_path_and_the_reason(
    tmp_path: Path, path: str, value: Any, told: str
) -> None:
    file = written(tmp_path, changed(path, value))
    with pytest.raises(ScenarioError) as error:
        load_scenario(file)
    assert told in str(error.value)
    assert str(error.value).startswith(f"{file}: ")
    assert "\n" not in str(error.value)


def test_many_wrong_fields_are_still_one_line(tmp_path: Path) -> None:
    content = {**plain(), "calls": -1, "load": 0, "day_cv": -1, "slot_cv": -1, "lines": 0}
    with pytest.raises(ScenarioError, match=r"; and 2 more$"):
        load_scenario(written(tmp_path, content))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "is not JSON"),
        ("[]", "Input should be a valid dictionary"),
        ('{"scenarios": {"a": {}, "b": {}}}', r"is a collection \(a, b\): put one of them"),
    ],
)
def test_a_file_that_is_no_scenario_says_what_it_is(
    tmp_path: Path, content: str, told: str
) -> None:
    with pytest.raises(ScenarioError, match=told):
        load_scenario(written(tmp_path, content))


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"cannot read .*none.json: No such file"):
        load_scenario(tmp_path / "none.json")


def test_a_scenario_travels_between_processes() -> None:
    scenario = published("medsi-15k")
    assert Scenario.model_validate(scenario.model_dump()) == scenario
