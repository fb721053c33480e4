"""Puts the demo together: configures the floor when it is empty, then lets people live on it."""

import asyncio
import contextlib
import secrets
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx

from careline import roster
from careline.applying import Target, apply
from careline.configuration import read
from careline.datadir import DataDir
from careline.demo import agents, callers, crm, journal, patients
from careline.demo.people import Access
from careline.standalone import Standalone
from careline_common.lifecycle import supervise

FLOOR = Path(__file__).parent / "floor.yaml"


@contextlib.asynccontextmanager
async def demo(
    whole: Standalone, data: DataDir, url: str, *, say: Callable[[str], None]
) -> AsyncIterator[None]:
    """Runs the demo's people while the block runs."""
    whole.app.include_router(crm.router)
    access = Access(url=url, issuer=data.issuer())
    whole.app.state.page_token = access.token("wallboard", ["supervisor", "floor"])
    secret = _pbx_secret(data)
    feed = data.path / "demo" / "feed"
    feed.mkdir(parents=True, exist_ok=True)
    people = [
        ("pbx", callers.DemoPbx(access, secret).run),
        *((f"agent.{name}", agents.Softphone(access, name).run) for name in agents.names(FLOOR)),
        ("patients", patients.Patients(access).run),
        ("journal", journal.Journal(access, feed).run),
    ]
    if not await _configure(access, data, secret, feed):
        say("no demo: the floor here is another; name an empty folder with --data for one")
        people = []
    tasks = [asyncio.create_task(supervise(f"demo.{name}", run)) for name, run in people]
    say(f"floor      {url}/")
    for name in roster.NAMES:
        say(f"{name:<10} {url}/{name}/docs")
    say("a token    careline token --role supervisor --role floor --subject me")
    say("Ctrl-C stops everything")
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _pbx_secret(data: DataDir) -> str:
    file = data.path / "demo-pbx.secret"
    if not file.exists():
        fresh = file.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_text("whsec_" + b64encode(secrets.token_bytes(24)).decode())
        fresh.replace(file)
    return file.read_text().strip()


async def _configure(access: Access, data: DataDir, secret: str, feed: Path) -> bool:
    """Applies the demo floor; where it was applied already, what was edited since stays. False where somebody
    has configured a floor of his own, on which the demo's people are not known."""
    file = data.path / "demo" / "floor.yaml"
    unfinished = file.with_name("floor.unfinished.yaml")
    async with access.client(["admin"]) as client:
        queues = (await client.get("/router/v1/queues")).raise_for_status().json()
        if queues["items"] and not unfinished.exists():
            return file.exists()
    text = FLOOR.read_text(encoding="utf-8")
    for mark, value in (
        ("@SECRET@", secret),
        ("@FEED@", str(feed)),
        ("@CRM@", f"{access.url}/demo/crm/{{phone}}"),
    ):
        text = text.replace(mark, value)
    unfinished.touch(mode=0o600)
    unfinished.write_text(text, encoding="utf-8")
    token = access.token("demo", ["admin"])
    async with httpx.AsyncClient(
        headers={"Authorization": f"Bearer {token}"}, timeout=60
    ) as client:
        targets = [Target(name=name, base=f"{access.url}/{name}") for name in roster.NAMES]
        await apply(read(unfinished), targets, client, dry_run=False)
    unfinished.replace(file)
    return True
