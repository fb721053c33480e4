import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sim_scenarios import plain, published

from careline.cli import main

pytestmark = pytest.mark.unit
FIGURES = ("sl20", "lcr", "asa", "p95", "p99", "occupancy", "delta_sl20", "delta_lcr")


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


Careline = Callable[..., Done]


@pytest.fixture
def careline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Careline:
    """Runs `careline sim` with these arguments in the test's folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: object) -> Done:
        monkeypatch.setattr("sys.argv", ["careline", "sim", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return Done(int(ended.value.code or 0), *capsys.readouterr())

    return run


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    file = tmp_path / "centre.json"
    file.write_text(json.dumps(plain(calls=200, agents_on_phone=2)))
    return file


def ran(careline: Careline, *arguments: object) -> dict[str, Any]:
    done = careline("run", *arguments, "--processes", 1, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_a_run_is_one_json_object_with_the_published_fields(
    careline: Careline, scenario: Path
) -> None:
    told = ran(careline, scenario, "--policy", "careline,random", "--seeds", "5-7")
    assert (told["scenario"], told["agents"], told["seeds"]) == ("plain", 2, [5, 6, 7])
    assert list(told["policies"]) == ["careline", "random", "leastrecent_penalties"]
    for figures in told["policies"].values():
        for name in FIGURES:
            assert set(figures[name]) == {"mean", "low", "high"}
        assert isinstance(figures["ratio_p99"], float)
        assert set(figures["by_class"]) == {"q/any"}
        assert set(figures["by_queue"]) == {"q"}
        assert set(figures["by_queue"]["q"]) == {"sl20", "n"}
    low, mean, high = (told["policies"]["random"]["sl20"][key] for key in ("low", "mean", "high"))
    assert low < mean < high <= 110


def test_one_seed_has_no_interval(careline: Careline, scenario: Path) -> None:
    told = ran(careline, scenario, "--seeds", "7-7")
    figure = told["policies"]["careline"]["sl20"]
    assert figure["mean"] is not None
    assert figure["low"] is figure["high"] is None


def test_other_numbers_of_agents_meet_the_same_callers(careline: Careline, scenario: Path) -> None:
    few, many = (ran(careline, scenario, "--seeds", "1-2", "--agents", n) for n in (1, 9))
    assert (few["agents"], many["agents"]) == (1, 9)
    counts = [told["policies"]["careline"]["by_queue"]["q"]["n"] for told in (few, many)]
    assert counts[0] == counts[1]
    levels = [told["policies"]["careline"]["sl20"]["mean"] for told in (few, many)]
    assert levels[0] < levels[1]


def test_one_process_and_two_tell_the_same_bytes(careline: Careline, scenario: Path) -> None:
    outputs = {
        careline("run", scenario, "--seeds", "1-4", "--processes", n, "--json").stdout
        for n in (1, 2, 2)
    }
    assert len(outputs) == 1


def test_phones_and_fairness_change_the_day(careline: Careline, scenario: Path) -> None:
    asked = (scenario, "--seeds", "1-2")
    at_once = ran(careline, *asked)["policies"]["careline"]["asa"]["mean"]
    rung = ran(careline, *asked, "--ring-s", 5)["policies"]["careline"]["asa"]["mean"]
    missed = ran(careline, *asked, "--rna-pct", 20, "--lag-s", 2)["policies"]["careline"]
    assert rung > at_once + 4
    assert missed["asa"]["mean"] > at_once
    assert ran(careline, *asked, "--fair")["policies"]["careline"]["sl20"]["mean"] > 0


def test_without_json_there_is_a_table(careline: Careline, scenario: Path) -> None:
    done = careline("run", scenario, "--seeds", "1-2")
    assert done.returncode == 0
    assert "plain, 2 agents, seeds 1-2" in done.stdout
    assert "leastrecent_penalties" in done.stdout


@pytest.mark.parametrize(("name", "begins"), [("day.png", b"\x89PNG"), ("day.svg", b"<?xml")])
def test_a_plot_is_written_in_the_format_of_its_name(
    careline: Careline, scenario: Path, name: str, begins: bytes
) -> None:
    pictures = set()
    for _ in range(2):
        ran(careline, scenario, "--seeds", "1-2", "--plot", name)
        drawn = (scenario.parent / name).read_bytes()
        assert drawn.startswith(begins)
        pictures.add(drawn)
    assert len(pictures) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("centre.json", "--policy", "best"), 2, "no policy 'best'; there are rrmemory_w0, "),
        (("centre.json", "--seeds", "x"), 2, "--seeds 'x': say from which to which, like 400-429"),
        (("centre.json", "--seeds", "9-3"), 2, "the first must not be above the last"),
        (("centre.json", "--seeds", "1-999999"), 2, "at most 10000 at once"),
        (("centre.json", "--plot", "day.pdf"), 2, "the name must end in .png or .svg"),
        (("none.json",), 1, "cannot read none.json: No such file or directory; name a file"),
        (("broken.json",), 1, "broken.json is not JSON"),
        (("wrong.json",), 1, "wrong.json: calls: Input should be greater than 0"),
        (("centre.json", "--plot", "no/day.svg"), 1, "cannot write no/day.svg: No such file"),
    ],
)
def test_what_cannot_be_done_is_one_line_that_says_why(
    careline: Careline, scenario: Path, arguments: tuple[str, ...], code: int, told: str
) -> None:
    folder = scenario.parent
    (folder / "broken.json").write_text("{")
    (folder / "wrong.json").write_text(json.dumps(plain(calls=-1)))
    file, *others = arguments
    seeds = () if "--seeds" in others else ("--seeds", "1-1")
    done = careline("run", file, *others, *seeds, "--json")
    assert done.returncode == code
    assert done.stdout == ""
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_policies_are_listed(careline: Careline) -> None:
    done = careline("policies")
    assert {"careline", "careline_callback", "reference_callback", "pooled_careline"} <= set(
        done.stdout.split()
    )


def test_staff_is_found(careline: Careline, scenario: Path) -> None:
    done = careline("staff", scenario, "--seeds", "1-2", "--processes", 1, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    policies = json.loads(done.stdout)["policies"]
    assert policies["careline"]["agents"] >= 1
    assert policies["careline"]["saved"]["mean"] == pytest.approx(0, abs=1)


@pytest.mark.parametrize("command", ["run", "staff", "policies"])
def test_help_has_examples(careline: Careline, command: str) -> None:
    done = careline(command, "--help")
    assert done.returncode == 0
    assert f"careline sim {command}" in done.stdout


def test_a_published_scenario_is_what_the_commands_take(careline: Careline, tmp_path: Path) -> None:
    file = tmp_path / "medsi-15k.json"
    file.write_text(published("medsi-15k").model_copy(update={"calls": 300}).model_dump_json())
    told = ran(careline, file, "--seeds", "1-1", "--agents", 20)
    assert told["scenario"] == "medsi-15k"
    assert "tele/any" in told["policies"]["careline"]["by_class"]
