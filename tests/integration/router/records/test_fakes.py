"""The shipped insurance records and their login from the command line."""

import asyncio
import sys
from typing import Any

import httpx
import pytest

from careline_router.fakes import records
from careline_router.fakes.login import CLIENT_ID, CLIENT_SECRET, PATH

pytestmark = pytest.mark.integration


async def test_it_serves_who_has_logged_in_and_fails_as_told() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "careline_router.fakes.records", "--login"),
        *("--login-fault", "500", "--fault", "429:30"),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        url = (await process.stdout.readline()).decode().split()[1]
        async with httpx.AsyncClient(base_url=url) as client:
            asked = "/policies?number=77-123456"
            assert (await client.get(asked)).status_code == 429
            assert (await client.get(asked)).headers["www-authenticate"].startswith("Bearer")
            form = {"grant_type": "client_credentials"}
            known = {**form, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
            assert (await client.post(PATH, data=known)).status_code == 500
            assert (await client.post(PATH, data=form)).json() == {"error": "invalid_client"}
            token = (await client.post(PATH, data=known)).json()["access_token"]
            client.headers["Authorization"] = f"Bearer {token}"
            (policy,) = (await client.get(asked)).json()["items"]
            assert policy["insurer"] == "ins7"
            assert (await client.post(asked, json={})).status_code == 405
            assert (await client.get("/policies")).status_code == 404
    finally:
        process.kill()
        await process.wait()


def test_help_has_examples_and_a_fault_that_is_none_is_refused(capsys: Any) -> None:
    with pytest.raises(SystemExit) as told:
        records.main(["--help"])
    assert told.value.code == 0
    assert "examples:\n  python -m careline_router.fakes.records" in capsys.readouterr().out
    assert records.main(["--login", "--login-fault", "often"]) == 2
    assert "not a fault" in capsys.readouterr().err
