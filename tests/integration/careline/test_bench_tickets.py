"""`careline bench tickets` measures what it says, on a small scale. How fast it was is no test's business."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from careline.bench.appeals import LEAST_CHARACTERS, rare_words, texts
from careline.bench.tickets_peer import script

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

SMALL = ["--rounds", "1", "--writes", "64", "--appeals", "500", "--looks", "20", "--json"]


async def test_writes_beside_pgbench_and_looks_at_what_was_made(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "careline", "bench", "tickets", *SMALL, cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, complaints = await process.communicate()
    assert out, complaints.decode()
    result = json.loads(out)
    assert process.returncode == (0 if all(result["limits_met"].values()) else 1)
    assert (result["appeals"], result["connections"], result["rounds"]) == (500, 8, 1)
    for work in ("create", "transition"):
        figures = result[work]
        assert figures["ratio"] == pytest.approx(
            figures["per_s"] / figures["pgbench_per_s"], abs=0.02
        )
        assert figures["http_per_s"] > 0
    assert result["due_step"]["open_appeals"] >= 500
    assert set(result["p95_ms"]) == {"list", "search", "duplicates"}


def test_texts_are_long_and_hold_each_rare_word() -> None:
    made = [*texts(10_000)]
    assert min(len(" ".join(words)) for words in made) >= LEAST_CHARACTERS
    assert set(rare_words()) <= {word for words in made for word in words}


def test_a_script_says_what_was_sent_with_fresh_ids() -> None:
    event = "01a21698-fe9b-7329-8d29-286793a6c106"
    values = ("t-1", event, None, ["t-1", event], [], b"\x01", 'it\'s "a": \\ null', True)
    sent = [("SELECT $1, $2, $3, $4, $5, $6, $7::text, $8", values)]
    fresh = "(':' || :client_id::text || '-' || :i::text)"
    written = script(sent, {"t-1": "a"}, fresh="b")
    assert written.splitlines() == [
        r"\set i :i + 1",
        "BEGIN;",
        f"SELECT {fresh.replace(':', 'a', 1)}, {fresh.replace(':', 'b1-', 1)}, NULL,"
        f" ARRAY[{fresh.replace(':', 'a', 1)}, {fresh.replace(':', 'b1-', 1)}], '{{}}',"
        r" E'\\x01', E'it''s " + r'"a"\072 \\ null' + "'::text, True;",
        "COMMIT;",
    ]
