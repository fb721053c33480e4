"""The CRM as configured, with its guard in front."""

from collections.abc import Callable

from careline_common.clock import Clock
from careline_router.adapters.crm_exchange import Pauses
from careline_router.adapters.crm_guard import GuardedCrm
from careline_router.adapters.crm_http import HttpCrm
from careline_router.adapters.crm_null import NullCrm
from careline_router.adapters.dataverse import ContactQuery, DataverseCrm, dataverse
from careline_router.adapters.look_up_guard import GuardRules
from careline_router.crm_config import CrmEntry
from careline_router.ports import Crm

LOGIN = "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token"


def make_crm(
    entry: CrmEntry | None, clock: Clock, pauses: Pauses, asked: Callable[[str], None]
) -> Crm:
    """The look-up of an entry; `asked` hears how each question to the CRM has ended."""
    if entry is None or entry.kind == "none" or entry.url is None:
        return NullCrm()
    rules = GuardRules.of(
        entry,
        deadline_s=entry.deadline_ms / 1000,
        give_up_s=max(entry.give_up_ms, entry.deadline_ms) / 1000,
    )
    source = (
        _http(entry, entry.url, rules, clock, pauses)
        if entry.kind == "http"
        else _dataverse(entry, entry.url, rules, clock, pauses)
    )
    return GuardedCrm(source, rules, clock=clock, asked=asked)


def _http(entry: CrmEntry, url: str, rules: GuardRules, clock: Clock, pauses: Pauses) -> HttpCrm:
    return HttpCrm(
        url=url,
        fields={name: field.mapped() for name, field in entry.map.items()},
        give_up_s=rules.give_up_s,
        connections=rules.at_once,
        clock=clock,
        pauses=pauses,
        ca=entry.ca.get_secret_value() if entry.ca else None,
        token=entry.token.get_secret_value() if entry.token else None,
        contacts=entry.contacts,
        spelling=entry.spelling,
        region=entry.region,
    )


def _dataverse(
    entry: CrmEntry, url: str, rules: GuardRules, clock: Clock, pauses: Pauses
) -> DataverseCrm:
    fields = {str(name): field.mapped() for name, field in entry.map.items()}
    assert entry.client_id is not None  # an entry without is not valid
    assert entry.client_secret is not None
    return dataverse(
        url=url,
        version=entry.version,
        query=ContactQuery(
            table=entry.table,
            phones=entry.phones,
            spelled=entry.spellings,
            region=entry.region,
            also=entry.filter,
            columns=list(dict.fromkeys(field.path for field in fields.values())),
        ),
        fields=fields,
        token_url=entry.token_url or LOGIN.format(tenant=entry.tenant),
        client_id=entry.client_id,
        client_secret=entry.client_secret.get_secret_value(),
        scope=entry.scope or f"{url.rstrip('/')}/.default",
        give_up_s=rules.give_up_s,
        connections=rules.at_once,
        clock=clock,
        pauses=pauses,
        ca=entry.ca.get_secret_value() if entry.ca else None,
    )
