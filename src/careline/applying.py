"""`careline apply`: every service checks its sections first; only then does any of them apply."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from careline import roster
from careline.configuration import ConfigurationError, Document
from careline.datadir import CannotError


@dataclass(frozen=True, slots=True)
class Target:
    """A service to configure: its name, for messages, and its base URL."""

    name: str
    base: str


async def apply(
    document: Document,
    targets: Sequence[Target],
    client: httpx.AsyncClient,
    *,
    dry_run: bool,
) -> dict[str, dict[str, int]]:
    """Applies a document; returns per section how many entries were created, updated, unchanged.

    Raises `ConfigurationError` when a service finds something wrong (nothing is applied then) and
    `CannotError` when a service cannot be asked.
    """
    check_sections_known(document)
    findings = []
    for target in targets:
        answer = await _put(client, target, document, dry_run=True)
        if answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY:
            findings += [
                document.finding(error["path"], error["reason"])
                for error in answer.json().get("errors", [])
            ]
        else:
            _require_ok(answer, target)
    if findings:
        unique = sorted(set(findings), key=lambda finding: (finding.line, finding.column))
        raise ConfigurationError(document.file, unique)
    if dry_run:
        return {}
    counts: dict[str, dict[str, int]] = {}
    for target in targets:
        answer = await _put(client, target, document, dry_run=False)
        _require_ok(answer, target)
        counts.update(answer.json()["sections"])
    return counts


def check_sections_known(document: Document) -> None:
    """A section that no service owns is a typing error, told before anybody is asked."""
    known = {section.name for name in roster.NAMES for section in roster.sections(name)}
    unknown = [
        document.finding(name, f"no such section; there are {', '.join(sorted(known))}")
        for name in document.sections
        if name not in known
    ]
    if unknown:
        raise ConfigurationError(document.file, unknown)


async def _put(
    client: httpx.AsyncClient, target: Target, document: Document, *, dry_run: bool
) -> httpx.Response:
    body: dict[str, Any] = dict(document.sections)
    try:
        return await client.put(
            f"{target.base}/v1/config", params={"dry_run": str(dry_run).lower()}, json=body
        )
    except httpx.HTTPError as error:
        raise CannotError(
            f"{target.name} does not answer at {target.base}: {error or type(error).__name__};"
            " is it running?"
        ) from error


def _require_ok(answer: httpx.Response, target: Target) -> None:
    if answer.is_success:
        return
    try:
        problem = answer.json()
        reason = f"{problem['title']}: {problem.get('detail', '')}"
    except (ValueError, KeyError, TypeError):
        reason = f"HTTP {answer.status_code}"
    raise CannotError(f"{target.name} refused the configuration: {reason}")
