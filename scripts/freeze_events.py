"""Freezes the event catalogue as that of a release: freeze_events.py RELEASE.

Copies the models and the golden messages to tests/support/last_release and records what they promise.
Refuses while today's catalogue breaks a promise of the release before.
"""

import json
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from last_release.promises import (  # noqa: E402 - tests are on no path of their own
    GOLDEN,
    HERE,
    RECORD,
    broken,
    promises_of,
)

from careline_common.events import CATALOGUE  # noqa: E402 - stands after the path too

MODELS = ROOT / "libs" / "common" / "src" / "careline_common" / "events"
TODAYS_GOLDEN = ROOT / "tests" / "contract" / "golden"


def main(release: str) -> None:
    today = promises_of(CATALOGUE, TODAYS_GOLDEN)
    if RECORD.exists():
        faults = broken(json.loads(RECORD.read_text())["events"], today)
        if faults:
            sys.exit("\n".join(faults))
    for folder in (HERE / "events", GOLDEN):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(TODAYS_GOLDEN, GOLDEN)
    (HERE / "events").mkdir()
    for module in MODELS.glob("*.py"):
        text = module.read_text().replace("careline_common.events", "last_release.events")
        (HERE / "events" / module.name).write_text(text)
    record = {"release": release, "events": today}
    RECORD.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")


if len(sys.argv) != 2:
    sys.exit(__doc__)
main(sys.argv[1])
