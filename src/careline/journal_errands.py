"""What the commands of `careline tickets` do: they ask the journal by its public API, and tell how far it is."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from careline.apply_command import targets_of
from careline.datadir import CannotError, DataDir

AT_ONCE = 500
"""Appeals a request, so that there is something to tell."""
FORMS = {
    ".json": "application/json",
    ".csv": "text/csv",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".html": "text/html",
}


@contextlib.asynccontextmanager
async def journal_at(
    data: DataDir, url: str | None, token: str | None
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the journal at `url`, else of the standalone over `data`, which is started for this when it does
    not run. Raises `CannotError`."""
    async with targets_of(data, [] if url is None else [url], token) as (targets, client):
        base = next(
            target.base for target in targets if url is not None or target.name == "tickets"
        )
        client.base_url = httpx.URL(f"{base}/")
        yield client


async def give_policies(client: httpx.AsyncClient, *, apply: bool) -> None:
    """Prints who is promised something else than is configured, and gives it to them with `apply`."""
    found = await _asked(client, "POST", "v1/policies/apply", json={"dry_run": True})
    table = Table("kind", "subject", "insurer", "channel", "promised", "now", "open appeals")
    for one in found["items"]:
        named = [one[name] for name in ("kind", "subject", "insurer", "channel", "before", "after")]
        table.add_row(
            *("–" if each is None else str(each)[:12] for each in named), str(one["appeals"])
        )
    Console().print(table)
    sys.stdout.write(f"{found['differing']} open appeals would be promised something else\n")
    if not apply or not found["differing"]:
        return
    done = 0
    with _progress() as progress:
        bar = progress.add_task("promises", total=found["differing"])
        while True:
            given = await _asked(
                client, "POST", "v1/policies/apply", json={"dry_run": False, "limit": AT_ONCE}
            )
            done += given["changed"]
            progress.update(bar, completed=done)
            if not given["changed"]:
                break
    sys.stdout.write(f"{done} appeals have the promises that are configured\n")


async def show_classifier(client: httpx.AsyncClient, *, train: bool) -> None:
    """Prints how well subjects are guessed."""
    method, path = ("POST", "v1/classifier/learn") if train else ("GET", "v1/classifier")
    learned = await _asked(client, method, path)
    of = f"{learned['appeals']} appeals of {learned['subjects']} subjects"
    sys.stdout.write(f"learned from {of} at {learned['learned_at']}\n")
    trial = learned["held_back"]
    if trial is None:
        sys.stdout.write("too few of them have a subject yet: nothing is suggested\n")
        return
    sys.stdout.write(
        f"of the newest {trial['appeals']}, held back, {trial['accuracy_pct']} % guessed right;"
        f" always {trial['majority_subject']}: {trial['majority_pct']} %\n"
    )


async def write_report(
    client: httpx.AsyncClient, path: str, asked: Mapping[str, str | None], out: Path | None
) -> None:
    """Writes a report to a file in the form of its ending, else as JSON to standard output."""
    form = FORMS.get(out.suffix.lower() if out is not None else ".json")
    if form is None:
        raise CannotError(f"--out: no report ends in {out}; there are {', '.join(FORMS)}")
    given = {name: value for name, value in asked.items() if value is not None}
    answer = await _answer(client, "GET", path, params=given, headers={"Accept": form})
    if out is None:
        sys.stdout.write(answer.text + "\n")
        return
    try:
        await asyncio.to_thread(out.write_bytes, answer.content)
    except OSError as error:
        raise CannotError(f"cannot write {out}: {error.strerror}") from error
    sys.stderr.write(f"{out}: {len(answer.content)} bytes\n")


async def _asked(client: httpx.AsyncClient, method: str, path: str, **content: Any) -> Any:
    return (await _answer(client, method, path, **content)).json()


async def _answer(
    client: httpx.AsyncClient, method: str, path: str, **content: Any
) -> httpx.Response:
    try:
        answer = await client.request(method, path, **content)
    except httpx.HTTPError as error:
        reason = str(error) or type(error).__name__
        raise CannotError(f"the journal does not answer: {reason}; is it running?") from error
    if answer.is_success:
        return answer
    try:
        reason = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        reason = f"HTTP {answer.status_code}; is this the journal?"
    raise CannotError(f"the journal says: {reason}")


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
