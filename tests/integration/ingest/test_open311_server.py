"""`/open311/v2`: portals file appeals and follow them, and see nothing that is not theirs."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import httpx
import pytest
import pytest_asyncio

from careline_common.events import Envelope, Event
from careline_common.events.tickets import TicketClosed, TicketCreated, TicketMoved

if TYPE_CHECKING:
    from conftest import Ingest

pytestmark = pytest.mark.integration

KEY = "a key of the city portal"
APPEAL = {
    "service_code": "refusal",
    "description": "Отказали в приёме\nв поликлинике",
    "first_name": "Анна",
    "last_name": "Иванова",
    "phone": "8 916 123-45-67",
    "address_string": "ул. Мира, 1",
    "lat": "55.75",
    "long": "37.62",
    "attribute[FLOOR]": "2",
}
AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest_asyncio.fixture(loop_scope="session")
async def portal(ingest: "Ingest") -> "Ingest":
    """Ingest with two subjects and two portals; the second has another key."""
    document = {"subjects": [{"id": "refusal", "name": "Отказ", "group": "l2"}, {"id": "queue"}]}
    assert (await ingest.http.put("/v1/config", json=document)).status_code == 200
    await ingest.source("city", kind="open311", api_key=KEY, map={})
    await ingest.source("region", kind="push", api_key="another key")
    return ingest


async def file(portal: "Ingest", **changes: str) -> str:
    given = {**APPEAL, "api_key": KEY, **changes}
    answer = await portal.http.post("/v1/open311/v2/requests.json", data=given)
    assert answer.status_code == 201, answer.text
    ((filed),) = answer.json()
    found: str = filed["service_request_id"]
    location = answer.headers["Location"]
    assert location == f"/v1/open311/v2/requests/{found}.json"
    assert (await portal.http.get(location, params={"api_key": given["api_key"]})).json()
    return found


async def listed(portal: "Ingest", **params: Any) -> list[dict[str, Any]]:
    answer = await portal.http.get("/open311/v2/requests.json", params={"api_key": KEY, **params})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


async def hear(portal: "Ingest", event: Event, ticket: str, sequence: int) -> None:
    """Has the consumer hear an event of the journal."""
    envelope = Envelope(
        id=f"{ticket}-{event.TYPE}-{sequence}", source="/careline/tickets", subject=ticket, time=AT,
        sequence=sequence, correlationid=ticket, causationid=None, data=event,
    )  # fmt: skip
    (subscription,) = portal.service.app.state.subscriptions
    async with portal.service.app.state.database.unit_of_work() as uow:
        await subscription.handle(uow, envelope, None)


async def journalled(portal: "Ingest", record: str, status: str, *, ticket: str = "t-1") -> None:
    (row,) = await portal.query(
        "SELECT source, external_id FROM ingest.record WHERE id = $1", record
    )
    about = {"ticket_id": ticket, "number": "26-000001", "external_source": row["source"]}
    about["external_id"] = row["external_id"]
    due = AT + timedelta(days=30)
    created = {"channel": "portal", "kind": "complaint", "registered_at": AT, "due_at": due}
    await hear(portal, TicketCreated.model_validate({**about, **created}), ticket, 1)
    moved = {"action": "close", "status": status, "level": 1, "at": AT, "due_at": due}
    await hear(portal, TicketMoved.model_validate({**about, **moved}), ticket, 2)
    if status == "closed":
        closed = {"outcome": "justified", "closed_at": AT}
        await hear(portal, TicketClosed.model_validate({**about, **closed}), ticket, 2)


async def test_subjects_are_listed_as_services(portal: "Ingest") -> None:
    answer = await portal.http.get("/open311/v2/services.json")
    assert {one["service_code"]: one for one in answer.json()}["refusal"] == {
        "service_code": "refusal", "service_name": "Отказ", "description": "Отказ",
        "metadata": False, "type": "realtime", "keywords": "", "group": "l2",
    }  # fmt: skip
    document = await portal.http.get("/open311/v2/services.xml", params={"api_key": KEY})
    assert document.headers["content-type"] == "application/xml; charset=utf-8"
    root = ET.fromstring(document.content)
    assert (root.tag, [item.tag for item in root]) == ("services", ["service", "service"])
    assert {item.findtext("service_name") for item in root} == {"Отказ", "queue"}
    one = await portal.http.get("/open311/v2/services/queue.json")
    assert one.json() == {"service_code": "queue", "attributes": []}


async def test_an_appeal_that_is_filed_becomes_a_record_and_a_request(portal: "Ingest") -> None:
    filed = await file(portal)
    record = (await portal.http.get(f"/v1/records/{filed}")).json()
    assert record["source"] == "city"
    assert record["fields"] == {
        "external_id": record["external_id"], "phone": "+79161234567", "name": "Анна Иванова",
        "channel": "portal", "kind": "complaint", "subject": "refusal",
        "text": APPEAL["description"],
    }  # fmt: skip
    (request,) = await listed(portal)
    assert request["service_request_id"] == filed
    assert (request["status"], request["service_name"]) == ("open", "Отказ")
    assert (request["description"], request["address"]) == (APPEAL["description"], "ул. Мира, 1")
    assert (request["lat"], request["long"], request["zipcode"]) == (55.75, 37.62, None)
    shown = str(request)
    assert "Иванова" not in shown
    assert "916" not in shown
    run = await portal.run(record["run"])
    assert (run["status"], run["rows"]["created"]) == ("done", 1)
    emitted = await portal.query("SELECT type FROM ingest.outbox ORDER BY id")
    assert "careline.feed.record_received.v1" in {row["type"] for row in emitted}


@pytest.mark.parametrize("form", ["json", "xml"])
async def test_one_request_and_its_token_are_found_by_id(portal: "Ingest", form: str) -> None:
    filed = await file(portal)
    for path in (f"requests/{filed}.{form}", f"tokens/{filed}.{form}"):
        answer = await portal.http.get(f"/open311/v2/{path}")
        assert answer.status_code == 200
        assert filed in answer.text
    for none in ("requests/none", "requests/%20", "tokens/%20"):
        assert (await portal.http.get(f"/open311/v2/{none}.{form}")).status_code == 404


@pytest.mark.parametrize(
    ("status", "shown"), [("closed", "closed"), ("merged", "closed"), ("in_work", "open")]
)
async def test_a_request_is_closed_when_its_appeal_is(
    portal: "Ingest", status: str, shown: str
) -> None:
    filed, other = await file(portal), await file(portal)
    await journalled(portal, filed, status)
    requests = {one["service_request_id"]: one for one in await listed(portal)}
    assert (requests[filed]["status"], requests[other]["status"]) == (shown, "open")
    assert requests[filed]["expected_datetime"] == "2026-04-01T09:00:00.000000Z"
    assert requests[filed]["service_notice"] == "appeal 26-000001"
    found = await listed(portal, status=shown)
    assert filed in {one["service_request_id"] for one in found}
    assert (other in {one["service_request_id"] for one in found}) == (shown == "open")


async def test_a_portal_sees_its_own_appeals_alone_and_a_token_all(portal: "Ingest") -> None:
    filed = await file(portal)
    theirs = await file(portal, api_key="another key")
    everybody = await portal.http.post("/open311/v2/requests.json", data=APPEAL)
    own = everybody.json()[0]["service_request_id"]
    assert [one["service_request_id"] for one in await listed(portal)] == [filed]
    stranger = await portal.http.get(f"/open311/v2/requests/{theirs}.json", params={"api_key": KEY})
    assert stranger.status_code == 404
    seen = (await portal.http.get("/open311/v2/requests.json")).json()
    assert {one["service_request_id"] for one in seen} == {filed, theirs, own}
    looks = await portal.query(
        "SELECT subject, target FROM ingest.audit WHERE action = 'open311.read'"
    )
    assert ("source:city", filed) in {(row["subject"], row["target"]) for row in looks}
    assert ("root", theirs) in {(row["subject"], row["target"]) for row in looks}


async def test_pages_and_bounds_of_time_narrow_what_is_listed(portal: "Ingest") -> None:
    filed = [await file(portal, description=f"Жалоба {number}") for number in range(5)]
    pages = [await listed(portal, page=page, page_size=2) for page in (1, 2, 3, 4)]
    ids = [[one["service_request_id"] for one in page] for page in pages]
    assert ids == [filed[:2], filed[2:4], filed[4:], []]
    updated = (await listed(portal))[3]["updated_datetime"]
    later = await listed(portal, updated_after=updated)
    assert [one["service_request_id"] for one in later] == filed[3:]
    sooner = await listed(portal, updated_before=updated)
    assert [one["service_request_id"] for one in sooner] == filed[:4]
    await portal.query(
        "INSERT INTO ingest.appeal (ticket_id, sequence, source, external_id, number, status, at)"
        " SELECT 't-1', 1, source, external_id, 'T-1', 'new', '2031-01-01T00:00:00Z'"
        " FROM ingest.record WHERE id = $1 RETURNING 1",
        filed[1],
    )
    moved = await listed(portal, updated_after="2031-01-01T00:00:00Z")
    assert [one["service_request_id"] for one in moved] == [filed[1]]
    assert await listed(portal, start_date="2031-01-01T00:00:00Z") == []
    some = await listed(portal, service_request_id=f"{filed[1]},{filed[4]}")
    assert [one["service_request_id"] for one in some] == [filed[1], filed[4]]
    assert await listed(portal, service_code="queue") == []


def faults() -> list[tuple[dict[str, str], int, str]]:
    return [
        ({"service_code": ""}, 400, "service_code is missing"),
        ({"description": " "}, 400, "description is missing"),
        ({"description": "x" * 4001}, 400, "at most 4000"),
        ({"service_code": "holes"}, 404, "there is no service_code 'holes'"),
        ({"phone": "call me"}, 400, "phone: "),
        ({"long": ""}, 400, "long is a number of degrees from -180 to 180"),
        ({"lat": "91", "long": "37"}, 400, "lat is a number"),
        ({"lat": "nan", "long": "37"}, 400, "lat is a number"),
        ({"api_key": "guess"}, 403, "this api_key is not known here"),
    ]  # fmt: skip


async def test_what_cannot_be_filed_is_said_and_leaves_nothing(portal: "Ingest") -> None:
    for changes, code, text in faults():
        given = {**APPEAL, "api_key": KEY, **changes}
        answer = await portal.http.post("/open311/v2/requests.json", data=given)
        ((error),) = answer.json()
        document = await portal.http.post("/open311/v2/requests.xml", data=given)
        root = ET.fromstring(document.content)
        assert (root.tag, root.findtext("error/code")) == ("errors", str(code))
        assert root.findtext("error/description") == error["description"]
        assert (answer.status_code, document.status_code, error["code"]) == (code, code, code)
        assert text in error["description"]
    assert await portal.records() == {}
    assert await portal.runs() == []


async def test_a_question_that_cannot_be_read_is_refused(portal: "Ingest") -> None:
    questions = (
        {"page": "0"}, {"page_size": "1001"}, {"page": "x"}, {"status": "lost"},
        {"start_date": "yesterday"}, {"updated_after": "2026-03-02T09:00:00"},
        {"start_date": "2026-03-02T09:00:00Z", "end_date": "2026-03-01T09:00:00Z"},
    )  # fmt: skip
    for params in questions:
        answer = await portal.http.get("/open311/v2/requests.json", params=params)
        ((error),) = answer.json()
        assert (answer.status_code, error["code"]) == (400, 400), params


async def test_who_may_not_is_told_so_as_geo_report_tells_it(portal: "Ingest") -> None:
    cases: list[tuple[dict[str, str], int]] = [
        ({"Authorization": "none"}, 403),
        ({"Authorization": "Bearer x"}, 401),
        (portal.token("agent"), 403),
    ]
    for headers, code in cases:
        answer = await portal.http.get("/open311/v2/services.json", headers=headers)
        assert (answer.status_code, answer.json()[0]["code"]) == (code, code)
    other = await portal.http.get("/open311/v2/services.yaml")
    assert (other.status_code, other.json()[0]["code"]) == (404, 404)


async def test_a_repeat_with_the_same_key_files_nothing_new(portal: "Ingest") -> None:
    async def send() -> httpx.Response:
        return await portal.http.post(
            "/open311/v2/requests.json", data={**APPEAL, "api_key": KEY},
            headers={"Idempotency-Key": "p-1"},
        )  # fmt: skip

    first, second = await send(), await send()
    assert first.json() == second.json()
    assert len(await portal.records()) == 1


async def test_events_of_appeals_without_a_partner_leave_nothing_here(portal: "Ingest") -> None:
    event = TicketCreated(
        ticket_id="t-9", number="26-000009", channel="phone", kind="thanks", registered_at=AT
    )
    await hear(portal, event, "t-9", 1)
    assert await portal.query("SELECT * FROM ingest.appeal") == []
