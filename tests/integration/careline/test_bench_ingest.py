"""What `careline bench ingest` runs of ours, on a small scale. How fast it was is no test's business, and dlt is not
installed for it."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from careline.bench.ingest_load import rows, touched, write_csv, write_xlsx

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


async def read(url: str, tmp_path: Path, file: Path, form: str) -> dict[str, int]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "careline.bench.ingest_child", url, str(tmp_path / "spool"), str(file), form,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, complaints = await process.communicate()
    assert process.returncode == 0, complaints.decode()
    told = json.loads(out)
    assert told["status"] == "done", told
    assert told["peak_mb"] > 0
    found: dict[str, int] = told["rows"]
    return found


async def test_every_row_of_the_benchmarks_files_is_taken_once(
    database_url: str, tmp_path: Path
) -> None:
    write_csv(tmp_path / "a.csv", 300)
    write_xlsx(tmp_path / "a.xlsx", 300)
    new = await read(database_url, tmp_path, tmp_path / "a.csv", "csv")
    assert (new["read"], new["created"]) == (300, 300)
    again = await read(database_url, tmp_path, touched(tmp_path / "a.csv"), "csv")
    assert (again["read"], again["unchanged"]) == (300, 300)
    sheet = await read(database_url, tmp_path, tmp_path / "a.xlsx", "xlsx")
    assert (sheet["read"], sheet["unchanged"]) == (300, 300)


def test_the_benchmarks_rows_are_all_about_another_record() -> None:
    made = list(rows(20_000))
    assert len({row[0] for row in made}) == len({row[1] for row in made}) == 20_000
