"""A plain CRM over HTTP: `GET` with the caller's number in the URL, fields by simple JSONPath.

The answer is one contact, or (at `contacts`, a JSONPath) a list of them; 404, 204, `null` and an empty
list are nobody. The number stands in a URL because that is the CRM's interface; it goes to the CRM's
own address only and is not logged.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from careline_common.clock import Clock
from careline_router.adapters.crm_exchange import Exchange, Pauses
from careline_router.adapters.crm_fields import CrmField, caller_among, profile_of
from careline_router.adapters.crm_spelling import spellings
from careline_router.ports import CrmFault, CrmProfile

_STEP = re.compile(r"\.([A-Za-z_][\w-]*)|\[(\d+)\]")
_NOBODY = frozenset({204, 404})
NOTHING = object()
"""What is not there at all; a null is."""


class HttpCrm:
    """One CRM. `fields` says where our facts stand in its answer."""

    def __init__(
        self,
        *,
        url: str,
        fields: Mapping[str, CrmField],
        give_up_s: float,
        connections: int,
        clock: Clock,
        pauses: Pauses,
        ca: str | None = None,
        token: str | None = None,
        contacts: str = "$",
        spelling: str = "e164",
        region: str = "RU",
    ) -> None:
        self._url = url
        self._fields = fields
        self._contacts = contacts
        self._spelling = spelling
        self._region = region
        self._exchange = Exchange(
            clock=clock,
            pauses=pauses,
            at_most_s=give_up_s,
            connections=connections,
            ca=ca,
            headers={"Authorization": f"Bearer {token}"} if token else {},
        )

    async def ask(self, phone: str) -> CrmProfile:
        written = spellings(phone, [self._spelling], region=self._region)
        if not written:
            return caller_among([])  # this CRM cannot have such a number
        url = self._url.replace("{phone}", quote(written[0], safe=""))
        answer = await self._exchange.send("GET", url)
        if answer.status in _NOBODY:
            return caller_among([])
        answer.require_ok()
        found = at(answer.document(), self._contacts)
        if found is NOTHING:
            raise CrmFault("bad_answer", "no contacts where they should be")
        contacts = found if isinstance(found, list) else [] if found is None else [found]
        return caller_among([self._profile(contact) for contact in contacts])

    def _profile(self, contact: Any) -> CrmProfile:
        if not isinstance(contact, dict):
            raise CrmFault("bad_answer", "a contact is no object")
        found = {name: at(contact, field.path) for name, field in self._fields.items()}
        if all(value is NOTHING for value in found.values()):
            raise CrmFault("bad_answer", "none of the mapped fields is there")
        return profile_of(found, self._fields)

    async def close(self) -> None:
        await self._exchange.close()


def at(document: Any, path: str) -> Any:
    """The value at a path such as `$.policy.holders[0].name`; `NOTHING` where the path leads nowhere."""
    value = document
    for name, index in _STEP.findall(path.removeprefix("$")):
        if name and isinstance(value, dict):
            value = value.get(name, NOTHING)
        elif index and isinstance(value, list):
            value = value[int(index)] if int(index) < len(value) else None
        else:
            return NOTHING
    return value
