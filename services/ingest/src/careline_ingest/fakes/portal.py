"""A partner's portal with a list of appeals, given page by page in each of the ways that portals know.

python -m careline_ingest.fakes.portal --mode cursor --items 250
"""

import argparse
import asyncio
import json
import ssl
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from careline_ingest.fakes.web import Asked, FakeWeb, Said

Mode = Literal["next", "link", "cursor", "page", "offset", "since"]
Item = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class PortalFaults:
    """What is wrong with the list."""

    loop_to: int | None = None
    """The last page names this page as the next."""
    repeat_page: int | None = None
    """From this page on every page is this one."""
    error_body: bool = False
    """Answers are errors with status 200."""


@dataclass(slots=True, kw_only=True)
class PortalList:
    """The list and how it is given. Items have `id` and `updated`, by which they are in order."""

    mode: Mode
    items: list[Item] = field(default_factory=list)
    size: int = 10
    base: str = ""
    token: str | None = None
    """What `Authorization` must be."""
    faults: PortalFaults = field(default_factory=PortalFaults)

    def answer(self, asked: Asked) -> Said:
        if self.token is not None and asked.headers.get("authorization") != f"Bearer {self.token}":
            return Said(status=401)
        if self.faults.error_body:
            return _json({"error": {"code": 17, "message": "try later"}})
        if self.mode == "since":
            return _json({"data": {"items": self._since(asked.params.get("since"))}})
        if self.mode == "offset":
            start = int(asked.params.get("offset", "0"))
            return self._page(self.items[start : start + self.size], None)
        number = self._number(asked)
        if self.faults.repeat_page is not None:
            number = min(number, self.faults.repeat_page)
        page = self.items[number * self.size : (number + 1) * self.size]
        return self._page(page, self._after(number))

    def _number(self, asked: Asked) -> int:
        if self.mode == "page":
            return int(asked.params.get("page", "1")) - 1
        return int(asked.params.get("cursor", "0"))

    def _after(self, number: int) -> int | None:
        if (number + 1) * self.size < len(self.items):
            return number + 1
        return self.faults.loop_to

    def _since(self, since: str | None) -> list[Item]:
        changed = sorted(self.items, key=lambda item: str(item["updated"]))
        return [item for item in changed if since is None or item["updated"] >= since][: self.size]

    def _page(self, page: list[Item], after: int | None) -> Said:
        body: dict[str, Any] = {"data": {"items": page}}
        url = f"{self.base}?cursor={after}"
        if self.mode == "next":
            body["next"] = None if after is None else url
        elif self.mode == "cursor":
            body["meta"] = {"cursor": None if after is None else str(after)}
        elif self.mode == "link" and after is not None:
            return _json(body, {"Link": f'<{url}>; rel="next"'})
        return _json(body)


def _json(body: object, headers: dict[str, str] | None = None) -> Said:
    content = {"Content-Type": "application/json", **(headers or {})}
    return Said(headers=content, body=json.dumps(body, ensure_ascii=False).encode())


class FakePortal(FakeWeb):
    """The portal's server."""

    def __init__(self, the_list: PortalList, *, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(the_list.answer, tls=tls)
        self.list = the_list

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self.list.base = self.url("appeals")
        return self

    def settings(self) -> dict[str, Any]:
        """What a source of this portal has."""
        paging: dict[str, Any] = {"mode": self.list.mode, "items": "$.data.items"}
        if self.list.mode == "link":
            paging["mode"] = "next"
        paths = {"next": "$.next", "cursor": "$.meta.cursor", "since": "updated"}
        if self.list.mode in paths:
            paging["next"] = paths[self.list.mode]
        return {"kind": "portal", "url": self.url("appeals"), "paging": paging}


def item(number: int, *, text: str = "Нет лекарства", minute: int | None = None) -> Item:
    """An appeal as this portal has it, changed in some minute of a day."""
    minute = number if minute is None else minute
    return {
        "id": f"P-{number}",
        "phone": f"+7916{number:07}",
        "text": text,
        "updated": f"2026-03-02T{minute // 60:02}:{minute % 60:02}:00Z",
    }


MAP = {"external_id": "id", "phone": "phone", "text": "text", "version": "updated"}
"""What the fields of `item` mean."""


async def _run(mode: Mode, count: int) -> None:
    async with FakePortal(PortalList(mode=mode, items=[item(i) for i in range(count)])) as portal:
        sys.stdout.write(json.dumps({**portal.settings(), "map": MAP}, indent=1) + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m careline_ingest.fakes.portal")
    parser.add_argument("--mode", default="page", help="next link cursor page offset since")
    parser.add_argument("--items", type=int, default=25)
    given = parser.parse_args()
    with suppress(KeyboardInterrupt):
        asyncio.run(_run(given.mode, given.items))
