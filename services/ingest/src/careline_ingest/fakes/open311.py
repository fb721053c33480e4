"""A city's Open311 server (GeoReport v2), with what such servers do differently from the book.

python -m careline_ingest.fakes.open311
"""

import asyncio
import json
import ssl
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree as ET

from careline_ingest.fakes.web import Asked, FakeWeb, Said

MINUTES_A_DAY = 1440


@dataclass(slots=True, kw_only=True)
class City:
    """The requests of a city, and how its server shows them."""

    requests: list[dict[str, Any]] = field(default_factory=list)
    api_key: str = "a key of tests"
    pages: bool = True
    """Without them `page` and `updated_after` are ignored, as the specification has neither."""
    bare_codes: bool = False
    """Service codes are numbers with leading noughts, as in the specification's own examples."""
    updates: list[dict[str, str]] = field(default_factory=list)
    """Updates that were told, each once: this server knows an `update_id` again."""
    minute: int = 0

    def file(self, description: str, *, code: str = "001", request_id: str | None = None) -> str:
        """A citizen files a request, one minute after the last thing that happened."""
        number = request_id or str(len(self.requests) + 1)
        at = self._tick()
        self.requests.append(
            {
                "service_request_id": number,
                "status": "open",
                "service_code": code,
                "service_name": "Care",
                "description": description,
                "requested_datetime": at,
                "updated_datetime": at,
                "lat": 55.75,
                "long": 37.62,
            }
        )
        return number

    def change(self, number: str, **values: str) -> None:
        found = next(one for one in self.requests if one["service_request_id"] == number)
        found.update(values, updated_datetime=self._tick())

    def answer(self, asked: Asked) -> Said:
        name = asked.path.rpartition("/")[2]
        resource, _, suffix = name.rpartition(".")
        if asked.method == "POST" and resource == "servicerequestupdates":
            return self._update(asked, suffix)
        if resource != "requests":
            return self._error(404, "no such resource", suffix)
        return self._shown(self._listed(asked.params), suffix)

    def _tick(self) -> str:
        self.minute += 1
        day, minute = divmod(self.minute, MINUTES_A_DAY)
        return f"2026-03-{2 + day:02}T{minute // 60:02}:{minute % 60:02}:00Z"

    def _listed(self, params: Any) -> list[dict[str, Any]]:
        def within(one: dict[str, Any]) -> bool:
            bounds = [(params.get("start_date", ""), one["requested_datetime"])]
            bounds.append((one["requested_datetime"], params.get("end_date", "9")))
            if self.pages:
                bounds.append((params.get("updated_after", ""), one["updated_datetime"]))
            return all(low <= high for low, high in bounds)

        found = [one for one in self.requests if within(one)]
        if not self.pages:
            return found
        size, page = int(params.get("page_size", "50")), int(params.get("page", "1"))
        return found[(page - 1) * size : page * size]

    def _update(self, asked: Asked, suffix: str) -> Said:
        form = asked.form
        if form.get("api_key") != self.api_key:
            return self._error(403, "api_key is not known", suffix)
        known = {one["service_request_id"] for one in self.requests}
        if form.get("service_request_id") not in known:
            return self._error(404, "no such request", suffix)
        if form["update_id"] not in {one["update_id"] for one in self.updates}:
            self.updates.append(form)
        return self._shown([{"update_id": form["update_id"]}], suffix)

    def _error(self, code: int, description: str, suffix: str) -> Said:
        said = self._shown([{"code": code, "description": description}], suffix)
        return Said(status=code, headers=said.headers, body=said.body)

    def _shown(self, items: list[dict[str, Any]], suffix: str) -> Said:
        if suffix == "xml":
            root = ET.Element("service_requests")
            for one in items:
                request = ET.SubElement(root, "request")
                for name, value in one.items():
                    ET.SubElement(request, name).text = str(value)
            body: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
            return Said(headers={"Content-Type": "text/xml; charset=utf-8"}, body=body)
        text = json.dumps(items, ensure_ascii=False)
        if self.bare_codes:
            text = text.replace('"service_code": "001"', '"service_code": 001')
        return Said(headers={"Content-Type": "application/json"}, body=text.encode())


class FakeOpen311(FakeWeb):
    """The city's server."""

    def __init__(self, city: City, *, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(city.answer, tls=tls)
        self.city = city

    def settings(self) -> dict[str, Any]:
        """What a source of this city has."""
        return {"kind": "open311", "url": self.url("v2"), "api_key": self.city.api_key}


async def _run() -> None:
    city = City()
    for number in range(1, 4):
        city.file(f"Request {number}")
    async with FakeOpen311(city) as server:
        sys.stdout.write(json.dumps(server.settings(), indent=1) + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(_run())
