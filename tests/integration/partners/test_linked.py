"""One complaint that comes by an insurer and by a portal, from the partners' files to the journal and
back: the same number is the same appeal, and what may be the same is said and can be put together."""

import json
from typing import TYPE_CHECKING, Any

import pytest

from careline_common.testing.waiting import eventually
from careline_ingest.fakes.portal import MAP, FakePortal, PortalList, item
from careline_ingest.fakes.web import Asked, FakeWeb, Said

if TYPE_CHECKING:
    from conftest import Centre

pytestmark = pytest.mark.integration

NEVER = "0 0 29 2 *"
TEXT = "В аптеке поликлиники третью неделю нет бесплатного инсулина"
SHEET = "Номер;Телефон;Полис;Текст\r\nINS-77;8 (916) 000-00-05;1234567890123456;{}\r\n"
INSURERS_MAP = {
    "external_id": "Номер", "phone": "Телефон", "policy_number": "Полис", "text": "Текст",
}  # fmt: skip


class Partners:
    """Where the insurer and the portal take news, with what each has heard."""

    def __init__(self) -> None:
        self.heard: dict[str, list[tuple[str, str]]] = {"insurer": [], "portal": []}

    def take(self, asked: Asked) -> Said:
        told = json.loads(asked.body)
        self.heard[asked.path.strip("/")].append((told["external_id"], told["event"]))
        return Said()


async def both_tell(centre: "Centre", web: FakeWeb, portal: FakePortal) -> list[dict[str, Any]]:
    """The complaint comes by both; the journal's two appeals."""
    given = {"insurers": [{"id": "ins7"}]}
    for service in (centre.ingest, centre.tickets):
        assert (await service.put("/v1/config", json=given)).status_code == 200
    await centre.source(
        "ins7-daily", kind="push", format="csv", delimiter=";", encodings=["cp1251"],
        insurer="ins7", map=INSURERS_MAP, updates={"to": "http", "url": web.url("insurer")},
    )  # fmt: skip
    await centre.source(
        "region", **portal.settings(), map=MAP, schedule=NEVER,
        updates={"to": "http", "url": web.url("portal")},
    )  # fmt: skip
    await send(centre, TEXT)
    await fetch(centre)
    return await centre.appeals(2)


async def send(centre: "Centre", text: str) -> dict[str, Any]:
    content = SHEET.format(text).encode("cp1251")
    return await centre.ended(
        await centre.ingest.post("/v1/sources/ins7-daily/files", content=content)
    )


async def fetch(centre: "Centre") -> dict[str, Any]:
    return await centre.ended(await centre.ingest.post("/v1/sources/region/run"))


async def test_a_complaint_that_comes_by_two_ways_is_linked(centre: "Centre") -> None:
    partners, the_list = Partners(), PortalList(mode="cursor")
    the_list.items = [item(5, text=f"{TEXT}!!")]
    async with FakeWeb(partners.take) as web, FakePortal(the_list) as portal:
        known = {one["external"]["id"]: one["id"] for one in await both_tell(centre, web, portal)}
        insurers, portals = known["INS-77"], known["P-5"]

        # each says of the other that it may be the same, and why
        for one, other in ((insurers, portals), (portals, insurers)):
            appeal = await centre.appeal(one)
            (like,) = appeal["duplicates"]
            assert like["id"] == other
            assert "phone" in like["why"].split(", ")
            assert like["score"] >= 0.7
        channels = {(await centre.appeal(one))["channel"] for one in (insurers, portals)}
        assert channels == {"insurer", "portal"}

        # the same number of the same partner is the same appeal, whatever way it comes again
        the_list.items = [item(5, text=f"{TEXT}, и в соседней тоже", minute=9)]
        assert (await fetch(centre))["rows"]["updated"] == 1

        async def amended() -> bool:
            return bool((await centre.appeal(portals))["text"].endswith("тоже"))

        await eventually(amended, what="the appeal to say what the portal says now")
        again = await centre.tickets.post(
            "/v1/tickets",
            json={"channel": "portal", "kind": "complaint", "text": "x",
                  "external": {"source": "region", "id": "P-5"}},
        )  # fmt: skip
        assert (again.status_code, again.json()["id"]) == (200, portals)
        assert len(await centre.appeals(2)) == 2

        # put together: both partners hear of it, and one appeal is left
        await centre.act(insurers, "take")
        await centre.act(portals, "take")
        await centre.act(insurers, "merge", into=portals)
        await centre.act(portals, "close", outcome="justified", answer="Инсулин есть")

        async def told() -> bool:
            ends = {name: heard[-1:] for name, heard in partners.heard.items()}
            return ends == {"insurer": [("INS-77", "closed")], "portal": [("P-5", "closed")]}

        await eventually(told, what="the partners to hear of it")
        assert ("INS-77", "merged") in partners.heard["insurer"]
        assert (await centre.appeal(insurers))["merged_into"] == portals
        assert (await centre.appeal(portals))["duplicates"] == []


async def test_another_person_with_the_same_number_elsewhere_is_another_appeal(
    centre: "Centre",
) -> None:
    """Partners count for themselves: the same number of two partners is two appeals."""
    partners, the_list = Partners(), PortalList(mode="cursor")
    the_list.items = [{**item(6, text="Врач не пришёл по вызову на дом"), "id": "INS-77"}]
    async with FakeWeb(partners.take) as web, FakePortal(the_list) as portal:
        known = await both_tell(centre, web, portal)
        for one in known:
            assert (await centre.appeal(one["id"]))["duplicates"] == []
        assert {one["external"]["source"] for one in known} == {"ins7-daily", "region"}
