"""Two sites with an Asterisk each are one floor: real Asterisks, real SIP phones, and the trunk between them."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from careline_common.http.problem import Conflict
from careline_common.testing.asterisk import Asterisk, private_asterisk
from careline_common.testing.components import require
from careline_common.testing.ports import Ports
from careline_common.testing.sipp import Phone, Phones, phones_around
from careline_common.testing.waiting import eventually
from careline_router.queries import EVERYTHING

pytestmark = [pytest.mark.integration, pytest.mark.timeout(90)]

LINE = "+74950000001"
AGENTS = {"msk": ("m1", "m2"), "spb": ("s1", "s2")}
OTHER = {"msk": "spb", "spb": "msk"}
PACKETS = 10


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def nodes(
    project_folder: Path, run_folder: Path, ports: Ports
) -> AsyncIterator[dict[str, Asterisk]]:
    """An Asterisk a site, each with a way to the other; a test that kills one starts it again."""
    component = require("asterisk", project_folder)
    shipped = project_folder / "deploy" / "asterisk"
    async with AsyncExitStack() as stack:
        made = {}
        for site, agents in AGENTS.items():
            folder = Path(tempfile.mkdtemp(prefix=f"asterisk-{site}-", dir=run_folder))
            node = private_asterisk(component, shipped, folder, ports, agents)
            made[site] = await stack.enter_async_context(node)
        for site, node in made.items():
            there = OTHER[site]
            await node.leads_to(made[there], here=site, there=there, password="between-us")
            await node.lose_silent_phones_after(2)
        yield made


@dataclass
class Sites:
    """A router that leads both, and people's phones at either."""

    router: Any
    nodes: dict[str, Asterisk]
    phones: dict[str, Phones]

    async def ready(self, *agents: str, **phone: str) -> None:
        for agent in agents:
            await self.router.service.log_in(agent, **phone)
            await self.router.service.set_state(agent, "ready")

    async def agent_is(self, agent: str, state: str, reason: str | None = None) -> None:
        async def look() -> bool:
            shown = await self.router.service.queries.agent(agent)
            return (shown.state, shown.reason) == (state, reason)

        await eventually(look, what=f"{agent} is {state}, {reason}")

    async def pbx_is(self, name: str, state: str) -> None:
        def look() -> bool:
            return {pbx.id: pbx.state for pbx in self.router.service.pbxs()}[name] == state

        await eventually(look, what=f"{name} is {state}")

    async def comes(self, site: str, number: str) -> tuple[Phone, str]:
        """Somebody calls at a site and waits, or is offered to who is free; his phone and Careline's id of the call."""
        known = {call.id for call in await self._calls()}
        phone = await self.phones[site].call(LINE, number=number)

        async def new() -> str | None:
            calls = [call for call in await self._calls() if call.id not in known]
            return next((call.id for call in calls if call.state != "arrived"), None)

        return phone, await eventually(new, what="a call")

    async def _calls(self) -> list[Any]:
        return list(await self.router.service.queries.calls(EVERYTHING))

    async def is_(self, call_id: str, state: str, agent: str | None, outcome: Any = None) -> None:
        async def look() -> bool:
            call = await self.router.service.queries.call(call_id, EVERYTHING)
            return (call.state, call.agent, call.outcome) == (state, agent, outcome)

        await eventually(look, what=f"{call_id} is {state} with {agent}")

    async def talks(self, agent: str, phone_at: str, *, caller_at: str) -> None:
        """Caller and agent hear each other, each at his own site."""
        if phone_at == caller_at:
            await self._sound_flows(caller_at, agent, "trunk")
            return
        await self._sound_flows(caller_at, "trunk", f"to-{phone_at}")
        await self._sound_flows(phone_at, agent, f"to-{caller_at}")

    async def _sound_flows(self, site: str, *endpoints: str) -> None:
        async def heard() -> bool:
            sound = await self.nodes[site].sound()
            return all(min(sound.get(each, (0, 0))) > PACKETS for each in endpoints)

        await eventually(heard, what=f"sound at {site} for {endpoints}")

    async def nothing_is_left(self) -> None:
        async def left() -> bool:
            shown = [await node.cli("core show channels concise") for node in self.nodes.values()]
            return not any("PJSIP/" in each for each in shown)

        await eventually(left, what="no channel left at either Asterisk")


def configuration(nodes: dict[str, Asterisk]) -> dict[str, Any]:
    """One queue; `ring`: the phone of whom a call is offered to rings."""
    return {
        "skills": ["adult"],
        "queues": [{"id": "adult", "wrap_up_s": 0}],
        "flows": [{"id": "main", "default": {"queue": "adult", "skills": {"adult": 1}}}],
        "lines": [{"number": LINE, "flow": "main", "language": "ru"}],
        "agents": [
            {"id": agent, "team": "t1", "site": site, "skills": {"adult": 5},
             "endpoint": f"PJSIP/{agent}", "accept": "ring"}
            for site, agents in AGENTS.items() for agent in agents
        ],
        "pbxs": [
            {"id": f"ast-{site}", "kind": "asterisk", "url": node.ari_url, "site": site,
             "user": node.ari_user, "password": node.ari_password,
             "reach": {OTHER[site]: f"PJSIP/{{phone}}@to-{OTHER[site]}"}}
            for site, node in nodes.items()
        ],
    }  # fmt: skip


SOON = {"down_after_s": 2, "up_after_s": 1, "lost_after_s": 4}


async def listens(node: Asterisk) -> None:
    async def connected() -> bool:
        return "careline" in await node.cli("ari show apps")

    await eventually(connected, what="a router that hears Asterisk")


@pytest.fixture
async def sites(
    router: Any, nodes: dict[str, Asterisk], project_folder: Path, run_folder: Path, ports: Ports
) -> AsyncIterator[Sites]:
    await router.store.apply(configuration(nodes))
    component = require("sipp", project_folder)
    async with AsyncExitStack() as stack:
        phones = {}
        for site, node in nodes.items():
            await listens(node)
            folder = Path(tempfile.mkdtemp(prefix=f"phones-{site}-", dir=run_folder))
            around = phones_around(node, component, folder, ports)
            phones[site] = await stack.enter_async_context(around)
        made = Sites(router, nodes, phones)
        yield made
        for node in nodes.values():  # which are the next test's too
            await node.cli("channel request hangup all")
        await made.nothing_is_left()


async def test_callers_at_both_are_one_line_and_an_agent_of_either_site_talks_with_who_is_first(
    sites: Sites,
) -> None:
    anna, igor = await sites.phones["msk"].agent("m1"), await sites.phones["spb"].agent("s1")
    (_, first), (caller, second), (_, third) = [
        await sites.comes(site, number)
        for site, number in (
            ("spb", "+79160000001"), ("msk", "+79160000002"), ("spb", "+79160000003"),
        )
    ]  # fmt: skip
    await sites.ready("m1")
    await sites.is_(first, "connected", "m1")
    await sites.talks("m1", "msk", caller_at="spb")
    await sites.ready("s1")
    await sites.is_(second, "connected", "s1")
    await sites.talks("s1", "spb", caller_at="msk")
    await caller.hangs_up()
    await sites.is_(second, "ended", "s1", "handled")
    await sites.is_(third, "connected", "s1")
    await anna.hangs_up()
    await sites.is_(first, "ended", "m1", "handled")
    await igor.hangs_up()
    await sites.is_(third, "ended", "s1", "handled")
    await sites.nothing_is_left()


@pytest.mark.parametrize(
    ("behaviour", "endpoint", "reason"),
    [
        ("busy", "PJSIP/s1", "busy"),
        ("answer", "PJSIP/moved-away", "unreachable"),
    ],
)
async def test_why_a_phone_of_the_other_site_could_not_be_rung_is_known_as_of_ones_own(
    sites: Sites, behaviour: Any, endpoint: str, reason: str
) -> None:
    document = configuration(sites.nodes)
    agents = [{**each, "endpoint": endpoint} for each in document["agents"] if each["id"] == "s1"]
    await sites.router.store.apply({"agents": agents})
    await sites.phones["spb"].agent("s1", behaviour)
    await sites.phones["msk"].agent("m1")
    await sites.ready("s1")
    caller, call = await sites.comes("msk", "+79160000001")
    await sites.agent_is("s1", "not_ready", reason)
    await sites.ready("m1")
    await sites.is_(call, "connected", "m1")
    await caller.hangs_up()


async def test_callers_of_a_drained_site_are_served_by_the_other_and_its_talks_are_finished(
    sites: Sites,
) -> None:
    anna = await sites.phones["msk"].agent("m1")
    await sites.phones["spb"].agent("s1")
    await sites.ready("m1")
    _, begun = await sites.comes("msk", "+79160000001")
    await sites.is_(begun, "connected", "m1")
    await sites.router.service.set_site("boss", "msk", "drained")
    await sites.ready("s1")
    caller, call = await sites.comes("msk", "+79160000002")
    await sites.is_(call, "connected", "s1")
    await sites.talks("s1", "spb", caller_at="msk")
    await sites.talks("m1", "msk", caller_at="msk")
    await anna.hangs_up()
    await sites.is_(begun, "ended", "m1", "handled")
    await sites.agent_is("m1", "not_ready", "site_drained")
    await caller.hangs_up()
    await sites.is_(call, "ended", "s1", "handled")
    await sites.nothing_is_left()


async def test_a_site_that_dies_leaves_its_talks_to_the_other_and_its_agents_go_on_elsewhere(
    sites: Sites,
) -> None:
    for agent in ("s1", "s2"):
        await sites.phones["spb"].agent(agent)
    await sites.phones["msk"].agent("m1")
    await sites.ready("m1")
    _, across = await sites.comes("spb", "+79160000001")
    await sites.is_(across, "connected", "m1")
    await sites.talks("m1", "msk", caller_at="spb")
    _, there = await sites.comes("msk", "+79160000002")
    await sites.nodes["msk"].kill()
    try:
        await sites.is_(across, "queued", None)
        await sites.router.service.set_site("boss", "msk", "down", "lost")
        await sites.is_(there, "ended", None, "lost")
        await sites.ready("s1")
        await sites.is_(across, "connected", "s1")
        await sites.talks("s1", "spb", caller_at="spb")
        await sites.ready("m1", endpoint="PJSIP/s2", site="spb")
        caller, call = await sites.comes("spb", "+79160000003")
        await sites.is_(call, "connected", "m1")
        await caller.hangs_up()
        await sites.is_(call, "ended", "m1", "handled")
    finally:
        await sites.nodes["msk"].start()
    await listens(sites.nodes["msk"])
    caller, call = await sites.comes("msk", "+79160000004")
    await sites.is_(call, "connected", "m1")  # at the phone that he has found at the other site
    await caller.hangs_up()


async def test_an_asterisk_that_dies_is_down_by_itself_and_up_again_when_it_is_back(
    sites: Sites,
) -> None:
    document = configuration(sites.nodes)
    pbxs = [{**each, "watch": SOON} for each in document["pbxs"]]
    calls_back = {"callbacks": {"abandoned": True, "short_abandon_s": 0}}
    await sites.router.store.apply({"pbxs": pbxs, "floor": calls_back})
    for node in sites.nodes.values():
        await listens(node)
    for site, agent in (("spb", "s1"), ("msk", "m1")):
        await sites.phones[site].agent(agent)
    _, waits = await sites.comes("msk", "+79160000001")
    await sites.nodes["msk"].kill()
    try:
        await sites.pbx_is("ast-msk", "down")
        await sites.router.service.log_in("m1")
        with pytest.raises(Conflict):  # nobody could ring him
            await sites.router.service.set_state("m1", "ready")
        await sites.ready("s1")
        caller, call = await sites.comes("spb", "+79160000002")
        await sites.is_(call, "connected", "s1")  # and not who has waited longer, and is not there
        await sites.is_(waits, "ended", None, "lost")
    finally:
        await sites.nodes["msk"].start()
    await sites.pbx_is("ast-msk", "up")
    await sites.ready("m1")
    another, new = await sites.comes("msk", "+79160000003")
    await sites.is_(new, "connected", "m1")
    await sites.talks("m1", "msk", caller_at="msk")
    for phone in (caller, another):
        await phone.hangs_up()
    await sites.nothing_is_left()
