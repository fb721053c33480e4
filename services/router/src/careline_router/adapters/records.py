"""The insurance records as configured, with their guard in front."""

from collections.abc import Callable

from careline_common.clock import Clock
from careline_router.adapters.crm_exchange import Pauses
from careline_router.adapters.look_up_guard import GuardRules
from careline_router.adapters.read_only import ReadOnly
from careline_router.adapters.records_guard import GuardedRecords
from careline_router.adapters.records_http import HttpRecords
from careline_router.adapters.records_null import NullRecords
from careline_router.adapters.ways import way_to
from careline_router.records_config import RecordsEntry
from careline_router.records_port import InsuranceRecords


def make_records(
    entry: RecordsEntry, clock: Clock, pauses: Pauses, asked: Callable[[str], None]
) -> InsuranceRecords:
    """The records of an entry; `asked` hears how each question to them has ended."""
    if entry.kind == "none" or entry.url is None:
        return NullRecords()
    rules = GuardRules.of(entry, deadline_s=entry.deadline_s, give_up_s=entry.deadline_s)
    way = way_to(
        entry,
        name="records",
        clock=clock,
        pauses=pauses,
        at_most_s=entry.deadline_s,
        connections=entry.at_once,
    )
    source = HttpRecords(ReadOnly(way, entry.url), entry)
    return GuardedRecords(source, rules, clock=clock, asked=asked)
