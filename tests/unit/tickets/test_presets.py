"""The shipped promises can be applied as they are, and promise what their law says."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from careline_common.config import Configuration
from careline_common.config.store import Entry
from careline_tickets.config import SECTIONS, Rules, cross_check
from careline_tickets.domain.clocks import start_all
from careline_tickets.domain.steps import planned

pytestmark = pytest.mark.unit

PRESETS = Path(__file__).resolve().parents[3] / "deploy" / "presets"
NAMES = sorted(path.stem for path in PRESETS.glob("*.yaml"))


def configuration(name: str) -> Configuration:
    document = yaml.safe_load((PRESETS / f"{name}.yaml").read_text())
    assert document.pop("careline") == 1
    sections = {section.name: section for section in SECTIONS}
    return Configuration(
        Entry(
            section=part,
            id=entry["id"],
            value=sections[part].read(entry, strict=True, today=date(2026, 3, 2)),
            version=1,
        )
        for part, entries in document.items()
        for entry in entries
    )


def promised(name: str, at: str, subject: str | None = None) -> dict[str, str]:
    policy = Rules.of(configuration(name)).policy(kind="complaint", subject=subject, insurer=None)
    assert policy is not None
    clocks = start_all(policy, datetime.fromisoformat(at))
    zone = datetime.fromisoformat(at).tzinfo
    return {str(clock.kind): clock.due_at.astimezone(zone).isoformat() for clock in clocks}


def test_there_are_presets() -> None:
    assert NAMES == ["iso-10002", "ru-oms-59-fz", "us-medicare-grievance"]


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_can_be_applied_and_all_its_steps_have_a_time(name: str) -> None:
    made = configuration(name)
    assert list(cross_check(made)) == []
    for rule in Rules.of(made).deadlines:
        begun = datetime.fromisoformat("2026-03-02T12:00:00+00:00")

        class Appeal:
            policy = rule.policy
            clocks = start_all(rule.policy, begun)

        running = {clock.kind for clock in Appeal.clocks}
        expected = [step.id for step in rule.policy.steps if step.clock in running]
        assert sorted(one.step for one in planned(Appeal())) == sorted(expected)


CASES: list[tuple[str, str, str | None, dict[str, Any]]] = [
    (
        "ru-oms-59-fz", "2026-04-30T17:30:00+03:00", None,
        {"acknowledge": "2026-05-04T00:00:00+03:00", "level1": "2026-04-30T18:30:00+03:00",
         "insurer": "2026-05-08T00:00:00+03:00", "statutory": "2026-05-31T00:00:00+03:00"},
    ),
    (
        "us-medicare-grievance", "2026-03-07T22:00:00-05:00", "grievance-expedited",
        {"statutory": "2026-03-08T22:00:00-05:00"},
    ),
    (
        "us-medicare-grievance", "2026-12-01T22:00:00-05:00", None,
        {"statutory": "2027-01-01T00:00:00-05:00"},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "at", "subject", "expected"), CASES)
def test_a_preset_promises_what_its_law_says(
    name: str, at: str, subject: str | None, expected: dict[str, str]
) -> None:
    assert promised(name, at, subject) == expected
