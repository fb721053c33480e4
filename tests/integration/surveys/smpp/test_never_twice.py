"""The trial of benchmarks/sms_never_twice.py, small and always the same: see there."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration


@pytest.mark.timeout(300)
def test_an_sms_never_goes_out_twice(project_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    finished = subprocess.run(
        [
            sys.executable, "-m", "benchmarks.sms_never_twice",
            "--tries", "200", "--seed", "5", "--out", str(out),
        ],
        cwd=project_folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stdout[-3000:] + finished.stderr[-3000:]
    figures = json.loads(out.read_text())
    assert (figures["doubled"], figures["faults"]) == (0, [])
    assert figures["sent"] + figures["unknown"] + figures["refused"] == 200
    assert sum(figures["troubles"].values()) > 0
