"""Walking through lists, against lists of any length and pages of any size."""

import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careline_ingest.adapters.portal import json_page
from careline_ingest.domain import paging
from careline_ingest.domain.paging import Ask, Mode, PageRefusedError, Plan
from careline_ingest.fakes.portal import Mode as ServerMode
from careline_ingest.fakes.portal import PortalList, item
from careline_ingest.fakes.web import Asked
from careline_ingest.ports import FetchError, Span

pytestmark = pytest.mark.unit

PLANS: dict[ServerMode, Plan] = {
    "next": Plan(mode="next", items="$.data.items", next="$.next"),
    "cursor": Plan(mode="cursor", items="$.data.items", next="$.meta.cursor"),
    "page": Plan(mode="page", items="data.items"),
    "offset": Plan(mode="offset", items="data.items"),
    "since": Plan(mode="since", items="data.items", time="updated"),
}


def walk(server: PortalList, plan: Plan) -> list[Any]:
    """Everything the list has, as a client without memory sees it."""
    found: list[Any] = []
    ask: Ask | None = paging.first(plan, None)
    for _ in range(500):
        if ask is None:
            return found
        params = dict(ask.params)
        if ask.link is not None:
            params = {"cursor": ask.link.rpartition("=")[2]}
        asked = Asked(method="GET", path="/", params=params, headers={}, body=b"")
        document = json.loads(server.answer(asked).body)
        items = paging.items_of(document, plan.items)
        fresh = [one for one in items if one not in found]
        found += fresh
        if plan.mode == "since" and not fresh:
            return found
        ask = paging.following(plan, ask, document, items, None)
    raise AssertionError("the walk does not end")


@given(mode=st.sampled_from(sorted(PLANS)), count=st.integers(0, 60), size=st.integers(1, 17))
def test_every_item_is_met_once_whatever_the_size_of_pages(
    mode: ServerMode, count: int, size: int
) -> None:
    server = PortalList(mode=mode, items=[item(number) for number in range(count)], size=size + 1)
    assert walk(server, PLANS[mode]) == server.items


@given(time=st.datetimes(min_value=datetime.fromisoformat("1971-01-01")))
def test_a_little_earlier_is_earlier_in_every_spelling(time: Any) -> None:
    for written in (f"{time.isoformat()}Z", f"{time.isoformat()}+03:00", time.isoformat()):
        before = paging.earlier(written, 300)
        assert paging.order(written)[1] - paging.order(before)[1] == pytest.approx(300)
        assert before.endswith("Z") == written.endswith("Z")


@pytest.mark.parametrize(
    ("times", "newest"),
    [
        (["2026-03-01T00:00:00Z", "9999-12-31T00:00:00Z"], "2026-03-01T00:00:00Z"),
        (["2026-03-01T00:00:00", "2026-03-09T00:00:00"], "2026-03-01T00:00:00"),
        (["2026-03-02T13:00:00+03:00", "2026-03-02T09:30:00Z"], "2026-03-02T13:00:00+03:00"),
        (["9999-12-31T00:00:00Z"], None),
        (["17", "20990101"], "20990101"),
        (["v7"], "v7"),
    ],
)
def test_the_newest_change_does_not_lie_in_the_future(times: list[str], newest: str | None) -> None:
    plan, until = Plan(mode="since", time="at"), datetime.fromisoformat("2026-03-02T10:00:00Z")
    assert paging.newest_of(plan, {}, [{"at": at} for at in times], until=until) == newest


@pytest.mark.parametrize(
    ("time", "before"),
    [("1772442000", "1772441700"), ("1772442000000", "1772441700000"), ("17", "0"), ("v7", "v7")],
)
def test_times_in_numbers_are_seconds_or_milliseconds(time: str, before: str) -> None:
    assert paging.earlier(time, 300) == before


@pytest.mark.parametrize(
    ("document", "path", "said"),
    [
        ({"error": "busy"}, "$.items", "at $.items"),
        ({"error": "busy", "rows": []}, None, "set paging.items to one of: rows"),
        ({"items": {"id": 1}}, "items", "at items"),
        ("busy", None, "at the top"),
    ],
)
def test_an_answer_without_items_is_refused(document: object, path: str | None, said: str) -> None:
    with pytest.raises(PageRefusedError, match=said.replace("$", "\\$")):
        paging.items_of(document, path)


def test_codes_with_leading_noughts_are_read_as_the_codes_they_are() -> None:
    page = json_page(b'[{"service_code":001,"text":"007, \\"000\\": 012","lat":0.5,"n":0,"m":10}]')
    assert page == [{"service_code": "001", "text": '007, "000": 012', "lat": 0.5, "n": 0, "m": 10}]
    with pytest.raises(FetchError, match="not JSON"):
        json_page(b"[01x")


def test_a_span_holds_its_beginning_and_not_its_end() -> None:
    span = Span(begin="2026-03-01T00:00:00+03:00", end="2026-03-02T00:00:00+03:00")
    assert span.holds("2026-02-28T21:00:00Z")
    assert not span.holds("2026-03-01T21:00:00Z")
    assert span.holds("who knows")


def test_modes_of_the_plan_are_those_of_the_configuration() -> None:
    modes: tuple[Mode, ...] = ("next", "cursor", "page", "offset", "since")
    assert set(modes) == set(PLANS)
