"""Two processes of ingest watch one folder, one of them is killed: each file is read once."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from replicas import PATIENCE_S, Site

from careline_common.testing.waiting import eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

FILES, ROWS = 6, 200


def source(kind: str, folder: Path | None = None) -> dict[str, object]:
    place = {} if folder is None else {"path": str(folder)}
    return {
        "id": f"daily-{kind}",
        "record": "appeal",
        "kind": kind,
        "format": "csv",
        "encodings": ["utf-8"],
        "delimiter": ";",
        "insurer": "ins7",
        "map": {"external_id": "id", "phone": "phone", "text": "text", "registered_at": "date"},
        **place,
    }


def sheet(number: int) -> bytes:
    rows = [f"{number}-{row};89161234567;Words {row};01.03.2026" for row in range(ROWS)]
    return "\n".join(["id;phone;text;date", *rows, ""]).encode()


async def test_each_file_is_read_once_though_one_of_two_is_killed(site: Site) -> None:
    folder = site.folder / "drop"
    folder.mkdir()
    config = {"sources": [source("folder", folder)], "insurers": [{"id": "ins7"}]}
    first, _ = await site.replicas(
        "ingest", 2, config, CARELINE_INGEST_BATCH_ROWS="20", CARELINE_INGEST_POLL_S="0.2"
    )
    for number in range(FILES // 2):
        (folder / f"{number}.csv").write_bytes(sheet(number))
    await site.reaches("SELECT count(*) FROM ingest.record", ROWS // 2)
    await first.kill()
    for number in range(FILES // 2, FILES):
        (folder / f"{number}.csv").write_bytes(sheet(number))
    await first.start()
    await site.reaches("SELECT count(*) FROM ingest.run WHERE status = 'done'", FILES)
    await site.settled("ingest", [])

    assert await site.value("SELECT count(*) FROM ingest.run") == FILES
    records = await site.query("SELECT external_id, version FROM ingest.record")
    assert len(records) == FILES * ROWS
    assert {row["version"] for row in records} == {1}
    told = await site.told("ingest", "careline.feed.record_received.v1")
    assert set(Counter(event["external_id"] for event in told).values()) == {1}
    assert len(told) == FILES * ROWS
    finished = await site.told("ingest", "careline.feed.run_finished.v1")
    assert [(event["read"], event["created"]) for event in finished] == [(ROWS, ROWS)] * FILES


async def test_a_file_pushed_to_two_processes_at_once_is_one_run(site: Site) -> None:
    config = {"sources": [source("push")], "insurers": [{"id": "ins7"}]}
    both = await site.replicas("ingest", 2, config)
    async with site.client(both[0]) as one, site.client(both[1]) as other:

        async def known() -> bool:
            return (await other.get("/v1/sources")).json()["items"] != []

        await eventually(known, within_s=PATIENCE_S)
        answers = await asyncio.gather(
            *(
                http.post(
                    "/v1/sources/daily-push/files",
                    content=sheet(1),
                    headers={"Content-Disposition": f'attachment; filename="{number}.csv"'},
                )
                for number, http in enumerate((one, other, one, other))
            )
        )
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 202]
    assert len({answer.json()["id"] for answer in answers}) == 1
    await site.reaches("SELECT count(*) FROM ingest.run WHERE status = 'done'", 1)
    assert await site.value("SELECT count(*) FROM ingest.record") == ROWS
