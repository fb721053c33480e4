"""Who has looked at whose data: read by a person, by who looked, by call and time; and the reading is noted too."""

from datetime import timedelta
from typing import Any

import pytest

from careline_common.clock import rfc3339

pytestmark = pytest.mark.integration

ANNA, BORIS = "+79161234567", "+79167654321"
SHOWN, CARD = "customer shown with the offer", "customer card"


async def listed(router: Any, **query: Any) -> Any:
    answer = await router.client.get(
        "/v1/persons/looks", params=query, headers=router.bearer("watch", "auditor")
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


async def searched(router: Any, body: dict[str, Any], **query: Any) -> Any:
    answer = await router.client.post(
        "/v1/persons/looks/search", json=body, params=query, headers=router.admin
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def told(page: Any) -> list[tuple[str, str]]:
    return [(each["who"], each["what"]) for each in page["items"]]


@pytest.fixture
async def looked(router: Any) -> Any:
    """Anna's call, whose card a1 has opened, a minute later her data was exported; and Boris who waits."""
    call = await router.connect("p-1", caller=ANNA)
    for _ in range(2):
        card = await router.client.get(f"/v1/calls/{call['id']}/customer", headers=router.agent())
        assert card.status_code == 200
    await router.arrive("p-2", caller=BORIS)
    router.clock.advance(60)
    for phone in (ANNA, BORIS):
        answer = await router.client.post(
            "/v1/persons/export", json={"phone": phone}, headers=router.admin
        )
        assert answer.status_code == 200
    router.call_id = call["id"]
    return router


async def test_looks_are_told_by_person_by_who_looked_by_call_and_time(looked) -> None:
    of_anna = await searched(looked, {"phone": ANNA})
    assert told(of_anna) == [("root", "person.export"), ("a1", CARD), ("a1", CARD), ("a1", SHOWN)]
    assert of_anna["items"][0]["roles"] == ["admin"]
    assert {call for each in of_anna["items"] for call in each["call_ids"]} == {looked.call_id}
    assert told(await searched(looked, {"phone": ANNA, "who": "root"})) == [
        ("root", "looks at persons read"),
        ("root", "person.export"),
    ]
    assert told(await listed(looked, who="a1")) == [("a1", CARD), ("a1", CARD), ("a1", SHOWN)]
    since = rfc3339(looked.clock.now() - timedelta(seconds=30))
    assert ("a1", CARD) not in told(await listed(looked, **{"from": since}))
    assert told(await listed(looked, to=since, call_id=looked.call_id)) == [
        ("a1", CARD), ("a1", CARD), ("a1", SHOWN),
    ]  # fmt: skip
    assert told(await searched(looked, {"phone": "+79160000000"})) == []
    assert told(await searched(looked, {"phone": BORIS, "call_id": looked.call_id})) == []


async def test_a_long_list_is_read_page_by_page_while_reading_adds_to_it(looked) -> None:
    seen: list[tuple[str, str]] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        page = await searched(looked, {"phone": ANNA}, **query)
        seen += told(page)
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert seen == [("root", "person.export"), ("a1", CARD), ("a1", CARD), ("a1", SHOWN)]


async def test_who_reads_it_stands_in_it_the_next_time(looked) -> None:
    first = await listed(looked, who="watch")
    assert first["items"] == []
    (noted,) = (await listed(looked, who="watch"))["items"]
    assert (noted["what"], noted["roles"]) == ("looks at persons read", ["auditor"])


async def test_an_erased_person_is_not_found_and_that_he_was_erased_stays(looked) -> None:
    await looked.tell("call.hung_up", "p-1", by="caller")
    answer = await looked.client.post(
        "/v1/persons/erase", json={"phone": ANNA}, headers=looked.admin
    )
    assert answer.json()["erased"]
    assert told(await searched(looked, {"phone": ANNA})) == []
    assert ("root", "person.erase") in told(await listed(looked, call_id=looked.call_id))


@pytest.mark.parametrize(
    ("body", "path"),
    [({"phone": "nobody"}, "phone"), ({"from": 5}, "from"), ({"who": ""}, "who")],
)
async def test_what_is_wrong_with_a_search_is_named(shared_router, body, path) -> None:
    answer = await shared_router.client.post(
        "/v1/persons/looks/search", json=body, headers=shared_router.admin
    )
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, path)
    assert "nobody" not in answer.json()["errors"][0]["reason"]
