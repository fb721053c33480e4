"""The four services as the manifests start them: their variables, migrations as Jobs, two routers."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest
from manifests.cluster import Object, all_pods, build, variables

from careline import one_service, roster
from careline_common.testing.processes import CarelineProcess, Processes
from careline_common.testing.waiting import eventually

pytestmark = pytest.mark.e2e

PATIENCE_S = 60.0


def environment(
    objects: list[Object], name: str, kind: str, given: Mapping[str, str]
) -> dict[str, str]:
    """What a pod finds in its environment; `given` is what comes from Secrets and volumes."""
    (pods,) = (p for p in all_pods(objects) if p.service == name and p.kind == kind)
    found = {key: given.get(key, value) for key, value in variables(objects, pods)}
    missing = [key for key, value in found.items() if value is None]
    assert not missing, "a secret that this test does not give"
    return {key: value for key, value in found.items() if value is not None}


async def status(process: CarelineProcess, path: str) -> int:
    async with httpx.AsyncClient(verify=False) as http:
        try:
            return (await http.get(process.url + path)).status_code
        except httpx.TransportError:
            return 0


async def ready(processes: list[CarelineProcess]) -> list[CarelineProcess]:
    return [each for each in processes if await status(each, "/readyz") == 200]


async def test_they_wait_for_their_migrations_serve_and_hand_over(
    empty_database_url: str,
    rabbit_url: str,
    processes: Processes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    objects = build("overlays/example")
    token = tmp_path / "service-token"
    token.write_text("a token")
    given = {
        "CARELINE_DATABASE_URL": empty_database_url,
        "CARELINE_RABBITMQ_URL": rabbit_url,
        "CARELINE_PII_KEY": "of a test",
        "CARELINE_ADDRESS": "127.0.0.1",
        "CARELINE_LINK_KEY": "of a test",
        "CARELINE_SERVICE_TOKEN_FILE": str(token),
        "CARELINE_INGEST_DIR": str(tmp_path / "spool"),
    }
    services = {
        name: processes.service(name, **environment(objects, name, "Deployment", given))
        for name in roster.NAMES
    }
    for process in services.values():
        await process.start(wait=False)

    async def alive() -> bool:
        return all([await status(each, "/healthz") == 200 for each in services.values()])

    await eventually(alive, within_s=PATIENCE_S)
    await eventually(lambda: all("MigrationsPending" in p.log for p in services.values()))
    assert await ready(list(services.values())) == []

    for name in roster.NAMES:
        with monkeypatch.context() as patch:
            for variable, value in environment(objects, name, "Job", given).items():
                patch.setenv(variable, value)
            await one_service.migrate(name)
    await asyncio.gather(*(process.ready() for process in services.values()))

    standby = processes.service("router", **environment(objects, "router", "Deployment", given))
    await standby.start()
    routers = [services["router"], standby]
    assert await ready(routers) == routers
    assert [await status(each, "/leaderz") for each in routers] == [200, 503]
    assert [await status(each, "/metrics") for each in routers] == [200, 200]
    # by way of the standby too it is the leader who says that nobody may ask without a token
    assert [await status(each, "/v1/queues") for each in routers] == [401, 401]
    assert await services["router"].stop() == 0

    async def leads() -> bool:
        return await status(standby, "/leaderz") == 200

    await eventually(leads, within_s=PATIENCE_S)
    assert await ready([standby]) == [standby]
    assert await asyncio.gather(*(each.stop() for each in (standby, *services.values()))) == [0] * 5
