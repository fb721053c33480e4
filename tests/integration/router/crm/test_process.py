"""A real router process: the GET that explains a call says, for every reason, why nobody was found."""

import asyncio
import itertools
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr
from pydantic_core import to_json

from careline_common.clock import SystemClock, rfc3339
from careline_common.http.issuer import LocalIssuer
from careline_common.http.signed import signed_headers
from careline_common.testing.processes import ProcessError, Processes, careline_processes
from careline_common.testing.waiting import eventually
from careline_router.fakes.http_server import Garbage, Hang, Reply

pytestmark = pytest.mark.integration

SECRET = "whsec_" + "c2VjcmV0LW9mLXBieC1vbmU="
LINE = "+74950000001"
ANNA = "+79161234567"
NOBODY = "+79160000000"
FAMILY = "+79161110000"
FLOOR: dict[str, Any] = {
    "careline": 1,
    "queues": [{"id": "all", "wrap_up_s": 0}],
    "flows": [{"id": "main", "default": {"queue": "all"}}],
    "lines": [{"number": LINE, "flow": "main"}],
    "agents": [{"id": "a1", "endpoint": "PJSIP/a1", "accept": "app"}],
    "pbxs": [{"id": "pbx1", "kind": "webhook", "secret": SECRET}],
}


class Floor:
    """The process, its PBX and its only agent."""

    def __init__(self, client: httpx.AsyncClient, issuer: LocalIssuer, run: Any) -> None:
        self.client = client
        self.issuer = issuer
        self.run: Callable[..., Awaitable[str]] = run
        self._names = itertools.count(1)

    def bearer(self, subject: str, *roles: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.issuer.token(subject=subject, roles=roles)}"}

    async def configure(self, document: Mapping[str, Any]) -> None:
        answer = await self.client.put(
            "/v1/config", json=document, headers=self.bearer("root", "admin")
        )
        assert answer.status_code == 200, answer.text

    async def tell(self, kind: str, call_id: str, **data: Any) -> dict[str, Any]:
        now = SystemClock().now()
        body = to_json({"type": kind, "call_id": call_id, "at": rfc3339(now), "data": data})
        signed = signed_headers(SecretStr(SECRET), f"m-{next(self._names)}", now, body)
        answer = await self.client.post(
            "/v1/pbx/pbx1/events",
            content=body,
            headers={"Content-Type": "application/json", **signed},
        )
        assert answer.status_code == 202, answer.text
        told: dict[str, Any] = answer.json()["call"]
        return told

    async def arrives(self, caller: str | None = ANNA) -> dict[str, Any]:
        return await self.tell("call.arrived", f"p-{next(self._names)}", caller=caller, line=LINE)

    async def leaves(self, call: Mapping[str, Any]) -> None:
        await self.tell("call.hung_up", call["pbx_call_id"], by="caller")

    async def passes_by(self, caller: str = ANNA) -> None:
        """A call that is there for its look-up alone."""
        await self.leaves(await self.arrives(caller))

    async def explained(self, call: Mapping[str, Any]) -> dict[str, Any]:
        """The CRM's part in the decision record of a call, once it was offered; then it leaves."""
        address = f"/v1/calls/{call['id']}/decisions"
        boss = self.bearer("boss", "supervisor", "floor")

        async def record() -> list[dict[str, Any]]:
            items: list[dict[str, Any]] = (await self.client.get(address, headers=boss)).json()[
                "items"
            ]
            return items

        items = await eventually(record, what="a decision")
        await self.leaves(call)
        crm: dict[str, Any] = items[0]["crm"]
        return crm

    async def looked_up(self, caller: str | None = ANNA) -> tuple[str, str | None]:
        crm = await self.explained(await self.arrives(caller))
        return crm["status"], crm["reason"]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def started(
    run_folder: Path, ports: Any, postgres_server: Any, postgres_template: str
) -> AsyncIterator[Floor]:
    """One router process for all tests of this file, with an agent who is ready."""
    folder = Path(tempfile.mkdtemp(prefix="crm-", dir=run_folder))
    issuer = LocalIssuer(folder / "issuer.json")
    database = await postgres_server.create(template=postgres_template)
    async with careline_processes(folder, ports) as processes:
        process = processes.service(
            "router",
            CARELINE_DATABASE_URL=postgres_server.url(database),
            CARELINE_ISSUER_FILE=str(issuer.path),
            CARELINE_PII_KEY="k",
        )
        await process.start()
        async with httpx.AsyncClient(base_url=process.url, timeout=60) as client:
            floor = Floor(client, issuer, _applying(processes, process.url, issuer, folder))
            await floor.configure(FLOOR)
            agent = floor.bearer("a1", "agent")
            await client.post("/v1/agents/me/session", headers=agent)
            await client.put("/v1/agents/me/state", json={"state": "ready"}, headers=agent)
            yield floor
        assert "9161234567" not in process.log
    await postgres_server.drop(database)


def _applying(processes: Processes, url: str, issuer: LocalIssuer, folder: Path) -> Any:
    """`careline apply` of a text."""

    async def applied(text: str) -> str:
        file = folder / "floor.yaml"
        file.write_text(text, encoding="utf-8")
        token = issuer.token(subject="root", roles=["admin"])
        return await processes.run("apply", str(file), "--url", url, "--token", token)

    return applied


@pytest.fixture
async def floor(started: Floor) -> AsyncIterator[Floor]:
    """The same, without a CRM again after each test."""
    yield started
    await started.configure({"careline": 1, "crm": {"kind": "none"}})


async def use(floor: Floor, world: Any, **changed: Any) -> None:
    await floor.configure({"careline": 1, "crm": world.entry(**changed)})


async def test_without_a_crm_or_a_number_nobody_is_looked_up(floor: Floor) -> None:
    assert await floor.looked_up(ANNA) == ("unknown", "not_configured")
    assert await floor.looked_up("anonymous") == ("unknown", "no_number")


async def test_who_is_found_is_found_and_no_name_is_recorded(floor: Floor, world: Any) -> None:
    await use(floor, world)
    first = await floor.explained(await floor.arrives())
    assert first == {
        "status": "found",
        "reason": None,
        "cached": False,
        "payer": "cash",
        "insurance": None,
        "insurer": None,
        "policy_state": None,
        "vip": True,
        "language": "ru",
        "last_agent": "anna",
        "owner": None,
        "records": None,
    }
    second = await floor.explained(await floor.arrives())
    assert second == {**first, "cached": True}


async def test_nobody_and_too_many_are_told_apart(floor: Floor, world: Any) -> None:
    world.knows(
        FAMILY,
        {"name": "Vera", "payer": "insured", "language": "ru"},
        {"name": "Oleg", "payer": "insured", "language": "fa"},
    )
    await use(floor, world)
    assert await floor.looked_up(NOBODY) == ("unknown", "not_found")
    family = await floor.explained(await floor.arrives(FAMILY))
    assert (family["reason"], family["payer"], family["language"]) == ("ambiguous", "insured", None)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Reply(status=429, headers={"Retry-After": "0"}), "throttled"),
        (Reply(status=403), "auth"),
        (Reply(status=400), "refused"),
        (Reply(status=500), "server_error"),
        (Garbage(), "bad_answer"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_went_wrong_at_the_crm_is_told(
    floor: Floor, world: Any, fault: Any, reason: str
) -> None:
    world.desk.always = fault
    await use(floor, world)
    assert await floor.looked_up() == ("failed", reason)


async def test_a_crm_that_is_not_there_is_told(floor: Floor, world: Any) -> None:
    await use(floor, world, url=f"http://127.0.0.1:9{'/{phone}' if world.kind == 'http' else ''}")
    assert await floor.looked_up() == ("failed", "unreachable")


async def test_a_crm_that_is_left_alone_is_told_and_not_asked(floor: Floor, world: Any) -> None:
    world.desk.always = Reply(status=500)
    await use(floor, world, failures_to_open=1, open_for_s=3600)
    await floor.passes_by()
    assert await floor.looked_up() == ("failed", "breaker_open")
    assert len(world.desk.asked) == 1


async def test_a_crm_that_hangs_holds_no_call_up_and_its_answer_serves_the_next(
    floor: Floor, world: Any
) -> None:
    await use(floor, world, deadline_ms=100, cache_s=3600)
    await floor.passes_by(NOBODY)
    await eventually(lambda: len(world.desk.asked) == 1)  # the login is done
    world.desk.next(Hang())
    call = await floor.arrives()
    assert call["state"] in {"queued", "offered"}
    await eventually(lambda: world.desk.hanging == 1)  # the call went on, the question is open
    crm = await floor.explained(call)
    assert (crm["status"], crm["reason"]) == ("timed_out", "timeout")
    world.desk.release()

    async def remembered() -> bool:
        later = await floor.explained(await floor.arrives())
        return bool(later["cached"])

    await eventually(remembered)
    assert len(world.desk.asked) == 2


async def test_more_callers_than_can_be_asked_for_are_told_so(floor: Floor, world: Any) -> None:
    await use(floor, world, at_once=1, deadline_ms=10_000, failures_to_open=1000)
    await floor.passes_by(NOBODY)
    world.desk.always = Hang()
    arriving = [asyncio.create_task(floor.arrives(f"+7916000{i:04}")) for i in range(1, 11)]
    done, waiting = await asyncio.wait(arriving, return_when=asyncio.FIRST_COMPLETED)
    call = done.pop().result()
    assert (call["crm"]["status"], call["crm"]["reason"]) == ("failed", "busy")
    assert (await floor.explained(call))["reason"] == "busy"
    world.desk.always = None
    world.desk.release()
    for other in [*done, *waiting]:
        await floor.leaves(await other)


async def test_a_call_that_meets_a_new_configuration_is_told(floor: Floor, world: Any) -> None:
    await use(floor, world)
    world.desk.next(Hang())
    arriving = asyncio.create_task(floor.arrives())
    await eventually(lambda: world.desk.hanging == 1)
    await use(floor, world, cache_s=1)
    assert (await floor.explained(await arriving))["reason"] == "config_changed"


async def test_every_reason_is_counted(floor: Floor, world: Any) -> None:
    world.desk.always = Reply(status=500)
    await use(floor, world)
    sample = 'careline_router_crm_lookups_total{reason="server_error",status="failed"}'

    async def count() -> float:
        text = (await floor.client.get("/metrics")).text
        lines = [line for line in text.splitlines() if line.startswith(sample)]
        return float(lines[0].rsplit(" ", 1)[1]) if lines else 0.0

    before = await count()
    await floor.passes_by()
    assert await count() == before + 1


DATAVERSE = """\
careline: 1
crm:
  kind: dataverse
  url: https://org.crm4.dynamics.com
  tenant: hospital
  client_id: careline
  client_secret: s
  spellings: [e164, '+{cc} {area}']
  map: {name: fullname}
"""


async def test_a_file_with_a_crm_is_applied(floor: Floor, world: Any, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    name = "token" if world.kind == "http" else "client_secret"
    entry = world.entry()
    secret.write_text(entry.pop(name))
    entry[f"{name}_file"] = str(secret)
    await floor.run(to_json({"careline": 1, "crm": entry}).decode())
    assert await floor.looked_up() == ("found", None)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("careline: 1\ncrm:\n  kind: http\n  url: http://crm.test/\n", "4:8 crm.url"),
        (
            "careline: 1\ncrm:\n  kind: http\n  url: 'http://c/{phone}'\n  map: {payer: p}\n",
            "5:16 crm.map.payer",
        ),
        (DATAVERSE, "8:21 crm.spellings[1]"),
    ],
)
async def test_what_is_wrong_in_a_file_is_told_with_its_place(
    floor: Floor, text: str, told: str
) -> None:
    with pytest.raises(ProcessError) as caught:
        await floor.run(text)
    assert f"floor.yaml:{told}: " in str(caught.value)
