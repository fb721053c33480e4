"""Alert rules and the dashboard: everything that they ask for is there, and each alert does what it says."""

import json
import re
import subprocess
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from manifests import promql
from manifests.cluster import K8S, PROJECT, build, of_kind
from prometheus_client.parser import text_string_to_metric_families

from careline import exposed, roster
from careline_common.testing.components import require

pytestmark = pytest.mark.integration

RULES = K8S / "rules"
RUNBOOKS = PROJECT / "docs" / "runbooks"
SECTIONS = ("## What it means", "## What to look at", "## What to do")


def groups() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load((RULES / "careline.yaml").read_text())["groups"]
    return found


def alerts() -> list[dict[str, Any]]:
    return [rule for group in groups() for rule in group["rules"]]


def queries() -> list[tuple[str, str]]:
    """Expression and legend of every query of the dashboard."""
    panels = json.loads((K8S / "dashboards" / "careline.json").read_text())["panels"]
    panels += [inner for panel in panels for inner in panel.get("panels", ())]
    return [
        (query["expr"], query["legendFormat"])
        for panel in panels
        for query in panel.get("targets", ())
    ]


def promtool(*arguments: str | Path, folder: Path = RULES) -> subprocess.CompletedProcess[str]:
    program = require("promtool", PROJECT).prefix / "usr" / "bin" / "promtool"
    return subprocess.run(
        [program, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("service", roster.NAMES)
async def test_what_is_listed_is_what_a_service_has_on_metrics(service: str) -> None:
    transport = httpx.ASGITransport(exposed.assembled(service).app)
    async with httpx.AsyncClient(transport=transport, base_url="http://careline") as client:
        page = (await client.get("/metrics")).text
    there = {family.name for family in text_string_to_metric_families(page)}
    assert {metric.name for metric in exposed.metrics(service)} <= there


def test_the_rules_ask_for_what_is_there() -> None:
    found = [
        fault
        for rule in alerts()
        for fault in promql.faults(rule["expr"], shown=rule["annotations"]["summary"])
    ]
    assert found == []


def test_the_dashboard_asks_for_what_is_there() -> None:
    found = [fault for expr, legend in queries() for fault in promql.faults(expr, shown=legend)]
    assert found == []


def test_the_dashboard_shows_every_metric() -> None:
    asked = {name for expr, _ in queries() for name in re.findall(r"\bcareline_\w+", expr)}
    for service in roster.NAMES:
        for metric in exposed.metrics(service):
            if metric.name.startswith("careline_"):
                assert asked & set(metric.samples), f"make generated: no panel shows {metric.name}"


def test_the_dashboard_can_be_laid_out() -> None:
    panels = json.loads((K8S / "dashboards" / "careline.json").read_text())["panels"]
    everything = panels + [inner for panel in panels for inner in panel.get("panels", ())]
    assert len({panel["id"] for panel in everything}) == len(everything)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.parametrize(
    ("expr", "fault"),
    [
        ("sum(careline_router_waiting", "syntax"),
        ("sum(careline_router_waiting_call)", "no service exposes"),
        ("rate(careline_router_calls[5m])", "no service exposes"),
        ("sum by (line) (careline_router_waiting_calls)", "no label line to group by"),
        ('careline_router_agents{status="ready"}', "has no label status"),
        ('careline_router_agents{state="idle"}', "is never idle"),
        ('careline_router_agents{state=~"ready|idle"}', "is never idle"),
        ('up{job=~"careline-(router|crm)"}', "is never careline-crm"),
        ('careline_router_calls_total{outcome="lost"}', "write down in VALUES"),
        ('{__name__=~"careline_crm_.+"}', "no service exposes"),
    ],
)
def test_a_mistake_in_an_expression_is_found(expr: str, fault: str) -> None:
    found = promql.faults(expr)
    assert len(found) == 1
    assert fault in found[0] or fault == "syntax"


def test_a_text_that_shows_a_label_that_is_not_there_is_found() -> None:
    expr = "max by (queue) (careline_router_longest_wait_seconds)"
    assert promql.faults(expr, shown="{{ $labels.queue }} {{ $value }}") == []
    assert len(promql.faults(expr, shown="{{ $labels.line }}")) == 1
    assert len(promql.faults(expr, shown="{{instance}}")) == 1


def test_promtool_takes_the_rules_and_every_alert_does_what_it_says(tmp_path: Path) -> None:
    done = promtool("check", "rules", "careline.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    done = promtool("test", "rules", *each_alert_by_itself(tmp_path), folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("expr", ["vector(1)", "vector(1) > 1"], ids=["always", "never"])
def test_the_case_of_every_alert_would_find_another_expression(tmp_path: Path, expr: str) -> None:
    """Always firing fails the cases that must be quiet, never firing those that must fire."""
    cases = each_alert_by_itself(tmp_path, {"expr": expr, "for": None})
    done = promtool("test", "rules", *cases, folder=tmp_path)
    assert done.returncode != 0
    kind = "quiet" if expr == "vector(1)" else "fires"
    failed = set(re.findall(rf"name: (\w+) {kind}", done.stdout + done.stderr))
    assert failed == {rule["alert"] for rule in alerts()}


def each_alert_by_itself(
    folder: Path, changes: Mapping[str, str | None] | None = None
) -> list[str]:
    """The shipped rules and cases, each alert's in files of their own: promtool works out every rule of a
    file at every step of every case. Gives the names of the files with the cases."""
    whole = yaml.safe_load((RULES / "careline_test.yaml").read_text())
    cases: dict[str, list[Any]] = defaultdict(list)
    for test in whole["tests"]:
        (alert,) = {case["alertname"] for case in test["alert_rule_test"]}
        cases[alert].append(test)
    for rule in alerts():
        name = rule["alert"]
        changed = {
            key: value for key, value in (rule | (changes or {})).items() if value is not None
        }
        rules = {"groups": [{"name": name, "rules": [changed]}]}
        tests = whole | {"rule_files": [f"{name}.yaml"], "tests": cases.pop(name)}
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(rules))
        (folder / f"{name}_test.yaml").write_text(yaml.safe_dump(tests))
    assert not cases, "cases of alerts that are not there"
    return [f"{rule['alert']}_test.yaml" for rule in alerts()]


def test_every_alert_has_a_case_that_fires_and_one_that_does_not() -> None:
    cases: dict[str, set[bool]] = defaultdict(set)
    for test in yaml.safe_load((RULES / "careline_test.yaml").read_text())["tests"]:
        for case in test["alert_rule_test"]:
            cases[case["alertname"]].add(bool(case["exp_alerts"]))
    assert cases == {rule["alert"]: {True, False} for rule in alerts()}


def test_every_alert_says_how_bad_it_is_and_has_a_runbook() -> None:
    for rule in alerts():
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["runbook"] == f"docs/runbooks/{rule['alert']}.md"
        page = (PROJECT / rule["annotations"]["runbook"]).read_text()
        assert page.startswith(f"# {rule['alert']}\n")
        assert [line for line in page.splitlines() if line.startswith("## ")] == list(SECTIONS)


def test_every_runbook_belongs_to_an_alert() -> None:
    written = {path.stem for path in RUNBOOKS.glob("Careline*.md")}
    assert written == {rule["alert"] for rule in alerts()}


def test_a_cluster_gets_these_rules_and_this_dashboard() -> None:
    objects = build("monitoring")
    (rule,) = of_kind(objects, "PrometheusRule")
    assert rule["spec"]["groups"] == groups()
    (config,) = of_kind(objects, "ConfigMap")
    assert config["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert config["data"]["careline.json"] == (K8S / "dashboards" / "careline.json").read_text()


def test_runbooks_name_only_what_there_is() -> None:
    sources = [*PROJECT.glob("libs/*/src/**/*.py"), *PROJECT.glob("services/*/src/**/*.py")]
    code = "\n".join(path.read_text() for path in sources)
    routes = {
        path
        for service in roster.NAMES
        for path in exposed.assembled(service).app.openapi()["paths"]
    } | {"/readyz", "/leaderz"}
    series = {
        name.replace(f"careline_{s}_", "careline_<service>_")
        for name in promql.series()
        for s in roster.NAMES
    }
    for runbook in RUNBOOKS.glob("*.md"):
        for said in re.findall(r"`([^`]+)`", runbook.read_text()):
            word = said.removeprefix("GET ").partition("{outcome")[0]
            if word.startswith("careline_"):
                assert word in series | set(promql.series()) or f"{word}_bucket" in series, (
                    f"{runbook.name}: {said}"
                )
            elif word.startswith("/"):
                assert word in routes, f"{runbook.name}: {said}"
            elif re.fullmatch(r"(relay|floor|http|consumer|event|smpp)\.[a-z_]+", word):
                assert f'"{word}"' in code, f"{runbook.name}: {said}"
            elif word.startswith("deploy/"):
                assert (PROJECT / word).exists(), f"{runbook.name}: {said}"
