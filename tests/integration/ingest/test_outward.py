"""What partners hear: answers to their files, also after a replay, and news of their appeals."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from careline_common.events import Envelope, Event
from careline_common.events.tickets import TicketClosed, TicketCreated, TicketMoved
from careline_common.testing.waiting import eventually
from careline_ingest.fakes.open311 import City, FakeOpen311
from careline_ingest.fakes.sftp import SftpPartner
from careline_ingest.fakes.web import Asked, FakeWeb, Said

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Ingest, Start

pytestmark = pytest.mark.integration

GOOD = "A-1;89161234567;Нет лекарства;01.03.2026 09:30"
BAD = "A-2;none;Очередь;01.03.2026 09:30"
AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NEVER = "0 0 29 2 *"


class Journal:
    """Tells ingest what becomes of an appeal, as tickets would, in any order."""

    def __init__(self, ingest: "Ingest", external_id: str = "A-1", source: str = "ins7-daily"):
        self._ingest = ingest
        self.ticket = f"t-{external_id}"
        self._about = {
            "ticket_id": self.ticket, "number": "26-000001", "insurer": "ins7",
            "external_source": source, "external_id": external_id,
        }  # fmt: skip

    async def created(self, version: int = 1) -> None:
        more = {"channel": "insurer", "kind": "complaint", "registered_at": AT}
        await self._hear(TicketCreated.model_validate({**self._about, **more}), version)

    async def moved(self, action: str, status: str, version: int) -> None:
        more = {"action": action, "status": status, "level": 1, "at": AT, "returns": 1}
        await self._hear(TicketMoved.model_validate({**self._about, **more}), version)

    async def closed(self, version: int, outcome: str = "justified") -> None:
        more = {"outcome": outcome, "closed_at": AT + timedelta(hours=1)}
        await self._hear(TicketClosed.model_validate({**self._about, **more}), version)

    async def _hear(self, event: Event, version: int) -> None:
        envelope = Envelope(
            id=f"{self.ticket}-{event.TYPE}-{version}", source="/careline/tickets", time=AT,
            subject=self.ticket, sequence=version, correlationid=self.ticket, causationid=None,
            data=event,
        )  # fmt: skip
        (subscription,) = self._ingest.service.app.state.subscriptions
        async with self._ingest.service.app.state.database.unit_of_work() as uow:
            await subscription.handle(uow, envelope, None)


async def insured(ingest: "Ingest", **source: Any) -> None:
    """The insurer's source, which is told what `source` says."""
    answer = await ingest.http.put("/v1/config", json={"insurers": [{"id": "ins7"}]})
    assert answer.status_code == 200, answer.text
    await ingest.source(insurer="ins7", **source)


async def ledger(ingest: "Ingest", source: str = "ins7-daily") -> list[dict[str, Any]]:
    answer = await ingest.http.get(f"/v1/sources/{source}/ledger")
    found: list[dict[str, Any]] = answer.json()["items"]
    return found[::-1]


async def settled(ingest: "Ingest", states: list[str], source: str = "ins7-daily") -> None:
    """Waits until the ledger's rows, oldest first, are in these states."""

    async def there() -> bool:
        return [row["state"] for row in await ledger(ingest, source)] == states

    await eventually(there, what=f"the ledger to be {states}")


def taking(taken: list[Any]) -> Callable[[Asked], Said]:
    def take(asked: Asked) -> Said:
        taken.append(json.loads(asked.body))
        return Said()

    return take


async def test_the_answer_to_a_file_is_put_into_a_folder_in_both_forms_and_anew_after_a_replay(
    ingest: "Ingest", tmp_path: "Path"
) -> None:
    folder = tmp_path / "answers"
    folder.mkdir()
    (tmp_path / "drop").mkdir()
    await ingest.source(
        kind="folder", path=str(tmp_path / "drop"), answers=str(folder), answer_as=["json", "xml"]
    )
    (tmp_path / "drop" / "day.csv").write_bytes(ingest.sheet(GOOD, BAD))

    async def answered(refused: int) -> bool:
        files = {path.suffix: path for path in folder.iterdir() if path.name[0] != "."}
        if set(files) != {".json", ".xml"}:
            return False
        root = ET.fromstring(files[".xml"].read_bytes())
        assert (root.tag, root.findtext("FNAME_I")) == ("FLK_P", "day.csv")
        items = json.loads(files[".json"].read_bytes())["items"]
        return (len(root.findall("PR")), len(items)) == (refused, refused)

    await eventually(lambda: answered(1), what="the answer")
    (run,) = await ingest.runs()
    (row,) = await ingest.quarantine(run["id"])
    fix = {"fix": {"phone": "89161234568"}}
    replayed = await ingest.http.post(f"/v1/quarantine/{row['id']}/replay", json=fix)
    assert replayed.status_code == 200, replayed.text
    await eventually(lambda: answered(0), what="the answer after the replay")


async def test_the_answer_to_a_file_that_was_sent_is_posted_until_it_is_taken(
    start: "Start",
) -> None:
    taken: list[Any] = []
    async with start(ingest_retry_s=0.05) as ingest, FakeWeb(taking(taken)) as web:
        web.faults.next_answers.append(Said(status=503))
        await ingest.source(answers_url=web.url("answers"))
        run = await ingest.read(ingest.sheet(GOOD, BAD))
        await eventually(lambda: len(taken) == 1, what="the answer")
        assert (taken[0]["run"], len(taken[0]["items"])) == (run["id"], 1)
        keys = {asked.headers["idempotency-key"] for asked in web.asked}
        assert (len(web.asked), len(keys)) == (2, 1)


async def test_news_is_posted_in_order_each_version_once(ingest: "Ingest") -> None:
    taken: list[Any] = []
    async with FakeWeb(taking(taken)) as web:
        await insured(ingest, updates={"to": "http", "url": web.url("news"), "token": "their own"})
        journal = Journal(ingest)
        for _ in range(2):
            await journal.created()
            await journal.moved("take", "in_work", 2)
            await journal.moved("return", "with_insurer", 3)
            await journal.moved("accept", "closed", 4)
            await journal.closed(4)
        await settled(ingest, ["delivered"] * 3)
        assert [(told["event"], told["version"], told["outcome"]) for told in taken] == [
            ("registered", 1, None), ("returned", 3, None), ("closed", 4, "justified"),
        ]  # fmt: skip
        assert {told["external_id"] for told in taken} == {"A-1"}
        assert {asked.headers["authorization"] for asked in web.asked} == {"Bearer their own"}
        assert "their own" not in (await ingest.http.get("/v1/sources/ins7-daily")).text


async def test_what_a_partner_has_taken_without_saying_so_comes_again_with_the_same_key(
    start: "Start",
) -> None:
    taken: list[Any] = []
    async with start(ingest_retry_s=0.05) as ingest, FakeWeb(taking(taken)) as web:
        web.faults.lose_answers = 1
        await insured(ingest, updates={"to": "http", "url": web.url("news")})
        await Journal(ingest).created()
        await settled(ingest, ["delivered"])
        assert len(taken) == 2
        assert taken[0] == taken[1]
        assert {asked.headers["idempotency-key"] for asked in web.asked} == {taken[0]["id"]}


async def test_a_version_that_is_to_be_tried_again_is_not_overtaken_by_the_next(
    ingest: "Ingest",
) -> None:
    """The default pause of half a minute is ended by hand, when the next version has had its chance."""
    taken: list[Any] = []
    async with FakeWeb(taking(taken)) as web:
        web.faults.next_answers.append(Said(status=503))
        await insured(ingest, updates={"to": "http", "url": web.url("news")})
        journal = Journal(ingest)
        await journal.moved("return", "with_insurer", 3)

        async def tried() -> bool:
            return [row["attempts"] for row in await ledger(ingest)] == [1]

        await eventually(tried, what="the first try")
        await journal.closed(4)
        await Journal(ingest, "A-2").closed(2)
        await settled(ingest, ["pending", "pending", "delivered"])
        await ingest.query("UPDATE ingest.notice SET next_at = NULL")
        await settled(ingest, ["delivered"] * 3)
        assert [told["version"] for told in taken] == [2, 3, 4]


async def test_what_a_partner_refuses_is_told_again_when_somebody_says_so(
    ingest: "Ingest",
) -> None:
    taken: list[Any] = []
    async with FakeWeb(taking(taken)) as web:
        web.faults.next_answers.append(Said(status=422))
        await insured(ingest, updates={"to": "http", "url": web.url("news")})
        await Journal(ingest).created()
        await settled(ingest, ["refused"])
        ((row,),) = [await ledger(ingest)]
        assert row["error"] == "the server refuses it (422)"
        answer = await ingest.http.post("/v1/sources/ins7-daily/ledger/retry")
        assert answer.json() == {"id": "ins7-daily", "tried_again": 1}
        await settled(ingest, ["delivered"])


async def test_an_older_version_that_comes_late_is_not_told_any_more(ingest: "Ingest") -> None:
    taken: list[Any] = []
    async with FakeWeb(taking(taken)) as web:
        await insured(ingest, updates={"to": "http", "url": web.url("news")})
        journal = Journal(ingest)
        await journal.closed(4)
        await settled(ingest, ["delivered"])
        await journal.moved("return", "with_insurer", 3)
        await settled(ingest, ["delivered", "overtaken"])
        assert [told["event"] for told in taken] == ["closed"]


async def test_an_insurer_hears_of_appeals_that_others_brought_without_their_numbers(
    ingest: "Ingest",
) -> None:
    taken: list[Any] = []
    async with FakeWeb(taking(taken)) as web:
        updates = {"to": "http", "url": web.url("news"), "scope": "insurer"}
        await insured(ingest, updates=updates)
        await Journal(ingest, "own-9", source="portal").moved("send_to_insurer", "with_insurer", 2)
        await settled(ingest, ["delivered"])
        assert (taken[0]["event"], taken[0]["external_id"]) == ("sent_to_insurer", None)
    own = ingest.token("insurer", insurer="ins7")
    seen = await ingest.http.get("/v1/sources/ins7-daily/ledger", headers=own)
    assert len(seen.json()["items"]) == 1
    other = ingest.token("insurer", insurer="ins8")
    refused = await ingest.http.get("/v1/sources/ins7-daily/ledger", headers=other)
    assert refused.status_code == 404


async def test_news_goes_into_files_that_are_the_same_when_they_are_put_again(
    ingest: "Ingest", tmp_path: "Path"
) -> None:
    folder = tmp_path / "news"
    (tmp_path / "drop").mkdir()
    updates = {"to": "file", "folder": str(folder)}
    await insured(ingest, kind="folder", path=str(tmp_path / "drop"), updates=updates)
    journal = Journal(ingest)
    await journal.created()
    await journal.moved("return", "with_insurer", 2)

    async def tried() -> bool:
        return all(row["error"] for row in await ledger(ingest))

    await eventually(tried, what="the folder to be missed")
    before = await ingest.query("SELECT batch FROM ingest.notice")
    folder.mkdir()
    await ingest.query("UPDATE ingest.notice SET next_at = NULL")
    await settled(ingest, ["delivered"] * 2)
    (file,) = folder.iterdir()
    content = file.read_bytes()
    document = json.loads(content)
    assert {document["batch"]} == {row["batch"] for row in before}
    assert [told["event"] for told in document["items"]] == ["registered", "returned"]
    # a process that died after the file was put, before it had noted so
    await ingest.query("UPDATE ingest.notice SET state = 'pending'")
    await settled(ingest, ["delivered"] * 2)
    (file,) = folder.iterdir()
    assert file.read_bytes() == content


async def test_news_goes_to_a_folder_on_an_sftp_server(ingest: "Ingest", tmp_path: "Path") -> None:
    partner_folder = tmp_path / "partner"
    (partner_folder / "in").mkdir(parents=True)
    async with SftpPartner(partner_folder) as partner:
        access = {"url": partner.url("in"), "user": partner.user, "password": partner.password}
        await insured(
            ingest, kind="sftp", **access, host_key=partner.host_key, schedule=NEVER,
            updates={"to": "file", "folder": "/news"},
        )  # fmt: skip
        await Journal(ingest).created()
        await settled(ingest, ["delivered"])
        (file,) = (partner_folder / "news").iterdir()
        assert json.loads(file.read_bytes())["items"][0]["event"] == "registered"


async def test_a_city_is_told_by_updates_of_its_requests_once_each(start: "Start") -> None:
    city = City()
    number = city.file("Отказ")
    async with start(ingest_retry_s=0.05) as ingest, FakeOpen311(city) as server:
        given = {**server.settings(), "map": {}, "schedule": NEVER, "updates": {"to": "open311"}}
        await ingest.source("city", **given)
        journal = Journal(ingest, number, source="city")
        await journal.created()
        await settled(ingest, ["delivered"], "city")
        server.faults.lose_answers = 1
        await journal.closed(2)
        await settled(ingest, ["delivered"] * 2, "city")
        assert [(told["status"], told["description"]) for told in city.updates] == [
            ("OPEN", "Registered"), ("CLOSED", "Closed: justified"),
        ]  # fmt: skip
        assert len(server.asked) == 3


async def test_two_processes_tell_a_partner_once(start: "Start") -> None:
    taken: list[Any] = []
    async with start() as one, start() as other, FakeWeb(taking(taken)) as web:
        await insured(one, updates={"to": "http", "url": web.url("news")})

        async def known() -> bool:
            return (await other.http.get("/v1/sources/ins7-daily")).status_code == 200

        await eventually(known, what="the other to know the source")
        tells: list[Callable[[], Awaitable[None]]] = [
            Journal(process, f"A-{n}").created for n in range(10) for process in (one, other)
        ]
        await asyncio.gather(*(tell() for tell in tells))
        await settled(one, ["delivered"] * 10)
        assert len({told["id"] for told in taken}) == len(taken) == 10


async def test_outlets_that_do_not_go_together_are_named(ingest: "Ingest") -> None:
    for wrong, path in (
        ({"answers": "/out"}, "answers"),
        ({"updates": {"to": "file", "folder": "/out"}}, "updates.to"),
        ({"updates": {"to": "open311"}}, "updates.to"),
        ({"updates": {"to": "http"}}, "updates"),
        ({"answers_url": "file:///etc"}, "answers_url"),
    ):
        body = {"record": "appeal", "kind": "push", "map": {"external_id": "id"}, **wrong}
        answer = await ingest.http.put("/v1/sources/wrong", json=body)
        assert answer.status_code == 422, wrong
        assert answer.json()["errors"][0]["path"] == path, answer.text
