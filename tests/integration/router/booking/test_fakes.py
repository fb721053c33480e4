"""The shipped booking systems from the command line."""

import asyncio
import sys
from typing import Any

import httpx
import pytest

from careline_router.fakes import booking, fhir

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(("fake", "base", "kind"), [(booking, "", "http"), (fhir, "/fhir", "fhir")])
async def test_it_serves_what_the_example_asks_for(fake: Any, base: str, kind: str) -> None:
    name = fake.__name__.rpartition(".")[2]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", f"careline_router.fakes.{name}", "--order-fault", "503:9",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        url = (await process.stdout.readline()).decode().split()[1]
        known = {"Authorization": f"Bearer {fake.TOKEN}"}
        async with httpx.AsyncClient(base_url=url + base, headers=known) as client:
            path = "/appointments" if kind == "http" else "/Appointment"
            assert (await client.post(path, json={})).status_code == 503
            asked = "/appointments?reference=none" if kind == "http" else "/Slot/none"
            assert (await client.get(asked)).status_code in {200, 404}
            unknown = await client.get(asked, headers={"Authorization": "Bearer no"})
            assert unknown.status_code == 401
    finally:
        process.kill()
        await process.wait()


@pytest.mark.parametrize("fake", [booking, fhir])
def test_help_has_examples_and_a_fault_that_is_none_is_refused(fake: Any, capsys: Any) -> None:
    with pytest.raises(SystemExit) as told:
        fake.main(["--help"])
    assert told.value.code == 0
    assert "examples:\n  python -m careline_router.fakes." in capsys.readouterr().out
    assert fake.main(["--order-fault", "often"]) == 2
    assert "not a fault" in capsys.readouterr().err
