"""Portals that give their list page by page, in each of the ways that portals know."""

from typing import TYPE_CHECKING, Any

import pytest
from feeds.places import configured, fetch

from careline_ingest.fakes.portal import MAP, FakePortal, Mode, PortalList, item
from careline_ingest.fakes.web import Said

if TYPE_CHECKING:
    from conftest import Ingest

pytestmark = pytest.mark.integration

MODES: tuple[Mode, ...] = ("next", "link", "cursor", "page", "offset", "since")


async def ready(ingest: "Ingest", portal: FakePortal, **more: Any) -> None:
    given = {"map": MAP, "encodings": [], "delimiter": None}
    await configured(ingest, {**portal.settings(), **given, **more})


async def kept(ingest: "Ingest") -> dict[str, str]:
    rows = await ingest.query(
        "SELECT external_id, fields->>'text' AS text FROM ingest.record"
        " JOIN ingest.record_content ON record_id = id"
    )
    return {row["external_id"]: row["text"] for row in rows}


@pytest.mark.parametrize("mode", MODES)
async def test_a_list_is_taken_whole_then_its_changes_and_nothing_twice(
    ingest: "Ingest", mode: Mode
) -> None:
    async with FakePortal(PortalList(mode=mode, items=[item(n) for n in range(25)])) as portal:
        await ready(ingest, portal)
        (run,) = await fetch(ingest)
        assert (run["status"], run["rows"]["created"]) == ("done", 25)
        assert run["rows"]["read"] == 25
        (again,) = await fetch(ingest)
        if mode == "since":  # the overlap comes again, once
            assert (again["rows"]["read"], again["rows"]["unchanged"]) == (6, 6)
            (again,) = await fetch(ingest)
        assert again["file"] is None
        portal.list.items[7] = item(7, text="Очередь", minute=30)
        portal.list.items.append(item(25, minute=31))
        (run,) = await fetch(ingest)
        assert (run["rows"]["created"], run["rows"]["updated"]) == (1, 1)
    assert len(await kept(ingest)) == 26
    assert (await kept(ingest))["P-7"] == "Очередь"


async def test_a_visit_asks_for_changes_since_a_little_before_the_last_one(
    ingest: "Ingest",
) -> None:
    async with FakePortal(PortalList(mode="since", items=[item(n) for n in range(20)])) as portal:
        await ready(ingest, portal)
        await fetch(ingest)
        portal.asked.clear()
        await fetch(ingest)
        assert portal.asked[0].params == {
            "since": "2026-03-02T00:14:00Z"
        }  # 00:19 less five minutes


async def test_a_time_that_cannot_be_hides_no_later_change(ingest: "Ingest") -> None:
    """Some systems write the year 9999 where nothing is known."""
    wrong = {**item(1), "updated": "9999-12-31T00:00:00Z"}
    async with FakePortal(PortalList(mode="since", items=[item(0), wrong])) as portal:
        await ready(ingest, portal)
        await fetch(ingest)
        assert set(await kept(ingest)) == {"P-0", "P-1"}
        portal.list.items.append(item(2))
        await fetch(ingest)
        assert set(await kept(ingest)) == {"P-0", "P-1", "P-2"}


async def test_what_is_again_as_it_was_is_news(ingest: "Ingest") -> None:
    """The list has the bytes of the first visit again, which were another file's."""
    async with FakePortal(PortalList(mode="page", items=[item(1)])) as portal:
        await ready(ingest, portal, map={**MAP, "version": []})
        for text in ("Нет лекарства", "Очередь", "Нет лекарства"):
            portal.list.items[0] = item(1, text=text)
            (run,) = await fetch(ingest)
            assert run["rows"]["read"] == 1
            assert await kept(ingest) == {"P-1": text}


@pytest.mark.parametrize(
    ("mode", "faults", "error"),
    [
        ("cursor", {"loop_to": 0}, "page 4 of the server repeats page 1"),
        ("next", {"loop_to": 2}, "the list of the server loops: page 4 is one that was asked for"),
        ("page", {"repeat_page": 1}, "page 3 of the server repeats page 2"),
    ],
)
async def test_a_list_that_does_not_end_is_left_with_what_it_gave(
    ingest: "Ingest", mode: Mode, faults: dict[str, int], error: str
) -> None:
    async with FakePortal(PortalList(mode=mode, items=[item(n) for n in range(25)])) as portal:
        for name, value in faults.items():
            setattr(portal.list.faults, name, value)
        await ready(ingest, portal)
        taken, failed = await fetch(ingest)
        assert (taken["status"], taken["rows"]["quarantined"]) == ("done", 0)
        assert failed["status"] == "failed"
        assert failed["error"].startswith(error)
        before = await kept(ingest)
        assert len(before) == (20 if mode == "page" else 25)
        (again,) = await fetch(ingest)
        assert again["id"] == failed["id"]
        portal.list.faults.loop_to = portal.list.faults.repeat_page = None
        (whole,) = await fetch(ingest)
        assert whole["status"] == "done" if mode == "page" else whole["file"] is None
    assert len(await kept(ingest)) == 25


async def test_a_pause_in_the_middle_is_kept_and_the_list_goes_on(ingest: "Ingest") -> None:
    async with FakePortal(PortalList(mode="page", items=[item(n) for n in range(15)])) as portal:
        portal.faults.next_answers += [Said(status=429, headers={"Retry-After": "0"})] * 2
        await ready(ingest, portal)
        (run,) = await fetch(ingest)
        assert run["rows"]["created"] == 15
        portal.faults.next_answers.append(Said(status=503, headers={"Retry-After": "7200"}))
        (failed,) = await fetch(ingest)
        assert failed["error"] == "the server asks for a pause (503)"
    (row,) = await ingest.query("SELECT next_at - now() > '1h' AS waits FROM ingest.fetch")
    assert row["waits"]


async def test_what_is_no_page_is_said_and_nothing_is_taken(ingest: "Ingest") -> None:
    async with FakePortal(PortalList(mode="page", items=[item(1)])) as portal:
        await ready(ingest, portal)
        portal.list.faults.error_body = True
        (failed,) = await fetch(ingest)
        error = "the server answers 200 without a list of items at $.data.items"
        assert failed["error"] == error
        portal.faults.next_answers.append(Said(body=b"<html>busy</html>"))
        (failed,) = await fetch(ingest)
        assert failed["error"] == "the server answers 200 with something that is not JSON"
        portal.faults.next_answers.append(Said(headers={"Content-Encoding": "gzip"}, body=b"{}"))
        (failed,) = await fetch(ingest)
        assert failed["error"] == "the server packs its answer, and not as it says"
        portal.faults.cut.append(10)
        portal.list.faults.error_body = False
        (failed,) = await fetch(ingest)
        assert failed["error"] == "the connection was lost half way"
        assert await kept(ingest) == {}
        portal.list.token = "a token of tests"
        (failed,) = await fetch(ingest)
        assert failed["error"] == "the server does not accept the login (401)"
        await ready(ingest, portal, token="a token of tests")
        (run,) = await fetch(ingest)
        assert run["rows"]["created"] == 1


async def test_a_server_that_stalls_is_left_and_a_page_elsewhere_not_visited(
    ingest: "Ingest",
) -> None:
    async with FakePortal(PortalList(mode="next", items=[item(n) for n in range(15)])) as portal:
        portal.faults.hang = True
        await ready(ingest, portal, timeout_s=0.2)
        (failed,) = await fetch(ingest)
        assert failed["error"] == "the server was silent for longer than timeout_s"
        portal.faults.hang = False
        portal.list.base = "https://elsewhere.example/appeals"
        taken, failed = await fetch(ingest)
        assert taken["rows"]["created"] == 10
        assert failed["error"].startswith("the server redirects to elsewhere.example")
        assert {asked.path for asked in portal.asked} == {"/appeals"}


async def test_a_row_of_a_portal_that_is_wrong_waits_in_quarantine(ingest: "Ingest") -> None:
    bad = {**item(2), "phone": "none"}
    async with FakePortal(PortalList(mode="page", items=[item(1), bad, item(3)])) as portal:
        await ready(ingest, portal)
        (run,) = await fetch(ingest)
        assert (run["rows"]["created"], run["rows"]["quarantined"]) == (2, 1)
        ((row,),) = [await ingest.quarantine(run["id"])]
        assert (row["row"], row["field"], row["external_id"]) == (2, "phone", "P-2")
