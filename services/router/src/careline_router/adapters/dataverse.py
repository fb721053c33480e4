"""Microsoft Dataverse (Dynamics 365) by its Web API, which is OData v4.

    GET {url}/api/data/v9.2/contacts?$select=…&$filter=…&$top=6

Phones in Dataverse are free text, so the filter asks for several spellings in several columns.
(OData 4.01, part 2, 5.1.1; Dataverse: "Query data using the Web API", "Service protection API
limits".) The request's URL holds the number and is not logged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from careline_common.clock import Clock
from careline_router.adapters.authorised import AuthorisedExchange, Way
from careline_router.adapters.client_credentials import ClientCredentials
from careline_router.adapters.crm_exchange import Exchange, Pauses
from careline_router.adapters.crm_fields import (
    MOST_CONTACTS,
    CrmField,
    caller_among,
    profile_of,
)
from careline_router.adapters.crm_spelling import spellings
from careline_router.ports import CrmFault, CrmProfile

FORMATTED = "OData.Community.Display.V1.FormattedValue"
_HEADERS = {
    "OData-Version": "4.0",
    "OData-MaxVersion": "4.0",
    "Prefer": f'odata.include-annotations="{FORMATTED}"',
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactQuery:
    """Which contacts have a number. `also` is a condition of the operator's on each of them."""

    table: str = "contacts"
    phones: Sequence[str]
    spelled: Sequence[str]
    region: str
    also: str | None
    columns: Sequence[str]

    def options(self, phone: str) -> str | None:
        """The query string for an E.164 number, percent-encoded (RFC 3986); None if no spelling fits."""
        texts = spellings(phone, self.spelled, region=self.region)
        if not texts:
            return None
        options = {
            "$select": ",".join(self.columns),
            "$filter": self._filter(texts),
            "$top": str(MOST_CONTACTS + 1),
        }
        return "&".join(f"{name}={quote(value, safe='')}" for name, value in options.items())

    def _filter(self, texts: Sequence[str]) -> str:
        matches = " or ".join(
            f"{column} eq {literal(text)}" for column in self.phones for text in texts
        )
        return f"({self.also}) and ({matches})" if self.also else matches


def literal(text: str) -> str:
    """A text as OData literal: in single quotes, one inside it doubled."""
    return "'" + text.replace("'", "''") + "'"


class DataverseCrm:
    """Contacts of one environment. The token's host and the API's are left alone each by itself."""

    def __init__(
        self,
        *,
        api: str,
        query: ContactQuery,
        fields: Mapping[str, CrmField],
        way: Way,
    ) -> None:
        self._address = f"{api}/{query.table}"
        self._query = query
        self._fields = fields
        self._way = way

    async def ask(self, phone: str) -> CrmProfile:
        options = self._query.options(phone)
        if options is None:
            return caller_among([])  # this CRM cannot have such a number
        answer = await self._way.send("GET", f"{self._address}?{options}", headers=_HEADERS)
        answer.require_ok()
        return caller_among([self._profile(contact) for contact in _contacts(answer.document())])

    def _profile(self, contact: Any) -> CrmProfile:
        if not isinstance(contact, dict):
            raise CrmFault("bad_answer", "a contact is no object")
        missing = {field.path for field in self._fields.values()} - contact.keys()
        if missing:
            raise CrmFault("bad_answer", "a selected column is missing")
        found = {
            name: contact.get(f"{field.path}@{FORMATTED}" if field.formatted else field.path)
            for name, field in self._fields.items()
        }
        return profile_of(found, self._fields)

    async def close(self) -> None:
        await self._way.close()


def _contacts(document: Any) -> list[Any]:
    contacts = document.get("value") if isinstance(document, dict) else None
    if not isinstance(contacts, list):
        raise CrmFault("bad_answer", "no list of contacts")
    return contacts


def dataverse(
    *,
    url: str,
    version: str,
    query: ContactQuery,
    fields: Mapping[str, CrmField],
    token_url: str,
    client_id: str,
    client_secret: str,
    scope: str,
    give_up_s: float,
    connections: int,
    clock: Clock,
    pauses: Pauses,
    ca: str | None,
) -> DataverseCrm:
    """The parts of a Dataverse look-up put together."""

    def exchange(connections: int) -> Exchange:
        return Exchange(
            clock=clock, pauses=pauses, at_most_s=give_up_s, connections=connections, ca=ca
        )

    tokens = ClientCredentials(
        exchange(1),
        token_url=token_url,
        client_id=client_id,
        client_secret=client_secret,
        scope=scope,
        clock=clock,
    )
    return DataverseCrm(
        api=f"{url.rstrip('/')}/api/data/{version}",
        query=query,
        fields=fields,
        way=AuthorisedExchange(exchange(connections), tokens),
    )
