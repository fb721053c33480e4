"""Recordings that a partner keeps, fetched with his login: from his own hosts, in bounds, and noted."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from careline_ingest.adapters.recordings import fetch_recording
from careline_ingest.config import SourceEntry
from careline_ingest.domain.recordings import NotAllowedError
from careline_ingest.fakes.web import Asked, FakeWeb, Said

pytestmark = pytest.mark.integration

SOUND = bytes(range(256)) * 40
WAV = {"Content-Type": "audio/wav"}
HEADER = "Номер обращения;Телефон;Текст;Дата;Запись"
ROWS = (
    "A-1;+79161234567;Отказали;20.11.2026;talk 1.wav",
    "A-2;+79161234568;Очередь;20.11.2026;",
    "A-3;+79161234569;Очередь;20.11.2026;https://evil.example/1.wav",
    "A-4;+79161234569;Очередь;20.11.2026;moved.wav",
    "A-5;+79161234569;Очередь;20.11.2026;away.wav",
    "A-6;+79161234569;Очередь;20.11.2026;page.wav",
    "A-7;+79161234569;Очередь;20.11.2026;large.wav",
    "A-8;+79161234569;Очередь;20.11.2026;packed.wav",
    "A-9;+79161234569;Очередь;20.11.2026;gone.wav",
    "A-10;+79161234569;Очередь;20.11.2026;round.wav",
    "A-11;+79161234569;Очередь;20.11.2026;https://[half an address",
    "A-12;+79161234569;Очередь;20.11.2026;nowhere.wav",
)


def keeps(asked: Asked) -> Said:
    answers = {
        "/rec/moved.wav": Said(status=302, headers={"Location": "/rec/talk%201.wav"}),
        "/rec/away.wav": Said(status=302, headers={"Location": "http://169.254.169.254/key"}),
        "/rec/round.wav": Said(status=302, headers={"Location": "/rec/round.wav"}),
        "/rec/nowhere.wav": Said(status=302, headers={"Location": "https://[half an address"}),
        "/rec/page.wav": Said(headers={"Content-Type": "text/html"}, body=b"<form>"),
        "/rec/large.wav": Said(headers=WAV, body=b"x" * 20_000),
        "/rec/packed.wav": Said(headers={**WAV, "Content-Encoding": "gzip"}, body=b"x"),
    }
    if asked.path != "/rec/talk%201.wav":
        return answers.get(asked.path, Said(status=404))
    if asked.headers.get("authorization") != "Bearer let me in":
        return Said(status=401)
    if asked.headers.get("range") == "bytes=0-9":
        part = {**WAV, "Content-Range": f"bytes 0-9/{len(SOUND)}"}
        return Said(status=206, headers=part, body=SOUND[:10])
    return Said(headers=WAV, body=SOUND)


@pytest_asyncio.fixture(loop_scope="session")
async def keeper() -> AsyncIterator[FakeWeb]:
    async with FakeWeb(keeps) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def records(ingest: Any, keeper: FakeWeb) -> dict[str, str]:
    """The ids of records, by external id, of a source whose partner keeps recordings."""
    await ingest.source(
        token="let me in",
        recordings={"url": keeper.url("rec/{recording}"), "max_bytes": 15_000},
        map={
            "external_id": "Номер обращения",
            "phone": "Телефон",
            "text": "Текст",
            "registered_at": "Дата",
            "recording": "Запись",
        },
    )
    run = await ingest.read("\r\n".join((HEADER, *ROWS, "")).encode("cp1251"))
    assert run["rows"]["created"] == len(ROWS), run
    rows = await ingest.query("SELECT id, external_id FROM ingest.record")
    return {row["external_id"]: row["id"] for row in rows}


async def found(ingest: Any, external_id: str, source: str = "ins7-daily") -> Any:
    wanted = {"source": source, "external_id": external_id}
    return await ingest.http.post("/v1/recordings", json=wanted, headers=ingest.token("service"))


async def played(ingest: Any, record_id: str, **headers: str) -> Any:
    return await ingest.http.get(
        f"/v1/records/{record_id}/recording", headers=ingest.token("service") | headers
    )


async def test_it_is_found_fetched_with_the_sources_login_and_every_look_is_noted(
    ingest: Any, records: dict[str, str], keeper: FakeWeb
) -> None:
    assert (await found(ingest, "A-1")).json() == {"record_id": records["A-1"]}
    whole = await played(ingest, records["A-1"])
    assert (whole.status_code, whole.content) == (200, SOUND)
    assert whole.headers["content-type"] == "audio/wav"
    assert whole.headers["x-content-type-options"] == "nosniff"
    part = await played(ingest, records["A-1"], Range="bytes=0-9")
    assert (part.status_code, part.content) == (206, SOUND[:10])
    moved = await played(ingest, records["A-4"])
    assert (moved.status_code, moved.content) == (200, SOUND), "a redirect at the same place"
    noted = await ingest.query("SELECT action, target FROM ingest.audit ORDER BY id")
    assert [tuple(row) for row in noted] == [
        ("record.recording", records[name]) for name in ("A-1", "A-1", "A-4")
    ]


@pytest.mark.parametrize(
    ("external_id", "status", "why"),
    [
        ("A-3", 409, "evil.example"),
        ("A-5", 409, "169.254.169.254"),
        ("A-6", 503, "no sound"),
        ("A-7", 503, "larger than 15000 bytes"),
        ("A-8", 503, "packs it"),
        ("A-9", 503, "answers 404"),
        ("A-10", 503, "redirects more than 3 times"),
        ("A-11", 409, "address is none"),
        ("A-12", 503, "an address that is none"),
    ],
)
async def test_what_must_not_or_cannot_be_fetched_is_said_and_why(
    ingest: Any, records: dict[str, str], external_id: str, status: int, why: str
) -> None:
    assert (await found(ingest, external_id)).json() == {"record_id": records[external_id]}
    answer = await played(ingest, records[external_id])
    assert (answer.status_code, why in answer.json()["detail"]) == (status, True), answer.text


async def test_a_record_without_a_recording_and_none_at_all_look_alike(
    ingest: Any, records: dict[str, str]
) -> None:
    for external_id, source in (("A-2", "ins7-daily"), ("none", "ins7-daily"), ("A-1", "none")):
        assert (await found(ingest, external_id, source)).status_code == 404
    for record_id in (records["A-2"], "none"):
        assert (await played(ingest, record_id)).status_code == 404
    assert await ingest.query("SELECT 1 FROM ingest.audit") == []


async def test_nobody_but_the_journal_asks(ingest: Any, records: dict[str, str]) -> None:
    for role in ("admin", "contact_admin", "insurer", "agent"):
        headers = ingest.token(role)
        path = f"/v1/records/{records['A-1']}/recording"
        assert (await ingest.http.get(path, headers=headers)).status_code == 403
        body = {"source": "ins7-daily", "external_id": "A-1"}
        answer = await ingest.http.post("/v1/recordings", json=body, headers=headers)
        assert answer.status_code == 403


def entry(**kept: Any) -> SourceEntry:
    recordings = {"url": "https://rec.ins7.example/{external_id}", **kept}
    given = {"id": "s", "kind": "push", "map": {"external_id": "n"}, "recordings": recordings}
    return SourceEntry.model_validate(given)


@pytest.mark.parametrize(
    "url", ["https://rec.ins7.example/\x01", f"https://rec.ins7.example/{'x' * 70_000}"]
)
async def test_an_address_that_cannot_be_asked_for_is_refused(url: str) -> None:
    with pytest.raises(NotAllowedError):
        await fetch_recording(entry(), url, None)


@pytest.mark.parametrize("addresses", [["10.0.0.5"], ["93.184.216.34", "127.0.0.1"], []])
async def test_a_name_that_leads_within_our_walls_is_never_asked(addresses: list[str]) -> None:
    """Also where the name was public when it was configured."""

    async def resolve(_host: str, _port: int) -> list[str]:
        return addresses

    with pytest.raises(NotAllowedError):
        await fetch_recording(entry(), "https://rec.ins7.example/1", None, resolve=resolve)


async def test_what_was_checked_is_what_is_asked(keeper: FakeWeb) -> None:
    """The name is looked up once: a second look-up could have another answer."""
    looked: list[str] = []
    port = int(keeper.url().rsplit(":", 1)[1].strip("/"))

    async def resolve(host: str, _port: int) -> list[str]:
        looked.append(host)
        return ["127.0.0.1"]

    given = SourceEntry.model_validate(
        {
            "id": "s",
            "kind": "push",
            "map": {"external_id": "n"},
            "token": "let me in",
            "recordings": {
                "url": f"http://localhost:{port}/rec/{{recording}}",
                "networks": ["127.0.0.0/8"],
            },
        }
    )
    playing = await fetch_recording(
        given, f"http://localhost:{port}/rec/talk%201.wav", None, resolve=resolve
    )
    assert b"".join([chunk async for chunk in playing.body]) == SOUND
    assert looked == ["localhost"]
    assert keeper.asked[-1].headers["host"] == f"localhost:{port}"
