"""The shipped fakes from the command line."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from careline_router.fakes import crm, dataverse

pytestmark = pytest.mark.integration


@asynccontextmanager
async def running(name: str, *arguments: str) -> AsyncIterator[str]:
    """The fake as a process; gives its URL."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", f"careline_router.fakes.{name}", *arguments),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()
        assert line.startswith("ready http://")
        yield line.split()[1]
    finally:
        process.kill()
        await process.wait()


async def test_a_plain_crm_knows_people_and_fails_as_told() -> None:
    known = {"Authorization": f"Bearer {crm.TOKEN}"}
    async with (
        running("crm", "--fault", "429:30", "--fault", "cut:20", "--fault", "slow:0.01") as url,
        httpx.AsyncClient(base_url=url, headers=known) as client,
    ):
        answer = await client.get("/customers/%2B79161234567")
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "30")
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/customers/%2B79161234567")
        for _ in range(2):
            answer = await client.get("/customers/%2B79161234567")
            assert answer.json()["payer"] == "cash"
        assert (await client.get("/customers/1")).status_code == 404
        refused = await client.get("/customers/1", headers={"Authorization": "Bearer no"})
        assert refused.status_code == 401


async def test_a_dataverse_gives_tokens_and_contacts_to_who_has_one(tmp_path: Any) -> None:
    people = tmp_path / "people.json"
    people.write_text(json.dumps([{"contactid": "c9", "mobilephone": "8 9", "age": 3}]))
    form = {
        "grant_type": "client_credentials",
        "client_id": dataverse.CLIENT_ID,
        "client_secret": dataverse.CLIENT_SECRET,
        "scope": "x/.default",
    }
    async with (
        running("dataverse", "--people", str(people), "--login-fault", "500") as url,
        httpx.AsyncClient(base_url=url) as client,
    ):
        assert (await client.post("/t/oauth2/v2.0/token", data=form)).status_code == 500
        assert (await client.get("/api/data/v9.2/contacts")).status_code == 401
        token = (await client.post("/t/oauth2/v2.0/token", data=form)).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        asked = "/api/data/v9.2/contacts?$select=age&$top=1&$filter="
        answer = await client.get(asked + "mobilephone eq '8 9' and age eq 3")
        assert [row["age"] for row in answer.json()["value"]] == [3]
        wrong = await client.get(asked + "mobilephone eq '8 9")
        assert wrong.status_code == 400
        assert set(wrong.json()["error"]) == {"code", "message"}


@pytest.mark.parametrize("fake", [crm, dataverse])
def test_help_has_examples_and_a_fault_that_is_none_is_refused(fake: Any, capsys: Any) -> None:
    with pytest.raises(SystemExit) as told:
        fake.main(["--help"])
    assert told.value.code == 0
    assert "examples:\n  python -m careline_router.fakes." in capsys.readouterr().out
    assert fake.main(["--fault", "often"]) == 2
    assert "not a fault" in capsys.readouterr().err
