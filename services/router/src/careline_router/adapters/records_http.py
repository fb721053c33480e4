"""Insurance records at any system that answers a `GET` with JSON; where what stands in it is configured.

By construction nothing else can be sent there: this adapter is given a way that only asks. Who somebody is stands
in the URL of the question, because that is the interface of such systems; it goes to that host alone and is
not logged. Whether an answer is about who was asked for is not left to the other side's filter.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast
from urllib.parse import quote

import structlog

from careline_router.adapters.crm_exchange import Answer
from careline_router.adapters.crm_fields import CrmField, date_of, word_of
from careline_router.adapters.crm_http import NOTHING, at
from careline_router.adapters.read_only import ReadOnly
from careline_router.booking_config import PLACEHOLDER, placeholders
from careline_router.domain.insurance import InsuranceKind, Policy, same_number
from careline_router.ports import CrmFault
from careline_router.records_config import KINDS, RecordsEntry
from careline_router.records_port import MOST_POLICIES, Insured, Policies

log = structlog.get_logger(__name__)
_NOBODY = frozenset({204, 404, 410})


class HttpRecords:
    """One system, as its entry says it is asked."""

    def __init__(self, way: ReadOnly, entry: RecordsEntry) -> None:
        self._way = way
        self._entry = entry
        self._fields = entry.fields()

    def by(self, insured: Insured) -> tuple[str, ...]:
        path = self._path(insured)
        return () if path is None else tuple(sorted(placeholders(path)))

    async def ask(self, insured: Insured) -> Policies:
        path = self._path(insured)
        if path is None:
            return _NOT_FOUND
        answer = await self._way.get(_filled(path, insured))
        if answer.status in _NOBODY:
            return _NOT_FOUND
        answer.require_ok()
        found = [self._policy(each) for each in self._items(answer)]
        return about(insured, placeholders(path), found)

    async def close(self) -> None:
        await self._way.close()

    def _path(self, insured: Insured) -> str | None:
        """The first path for which enough is known."""
        known = set(insured.known())
        return next((path for path in self._entry.paths if placeholders(path) <= known), None)

    def _items(self, answer: Answer) -> Sequence[Any]:
        found = at(answer.document(), self._entry.items)
        if found is NOTHING:
            raise CrmFault("bad_answer", "no policies where they should be")
        return found if isinstance(found, list) else [] if found is None else [found]

    def _policy(self, item: Any) -> Policy:
        if not isinstance(item, dict):
            raise CrmFault("bad_answer", "a policy is no object")
        values = {name: at(item, field.path) for name, field in self._fields.items()}
        if all(value is NOTHING for value in values.values()):
            raise CrmFault("bad_answer", "none of the mapped fields is there")
        word = _words(values, self._fields)
        kind = word.get("kind")
        return Policy(
            state=word.get("state"),
            insurer=word.get("insurer"),
            kind=cast("InsuranceKind", kind) if kind in KINDS else None,
            valid_until=date_of(word.get("valid_until")),
            clinic=word.get("clinic"),
            number=word.get("number"),
            birth_date=date_of(word.get("birth_date")),
        )


_NOT_FOUND = Policies(status="unknown", reason="not_found")


def _words(values: Mapping[str, Any], fields: Mapping[str, CrmField]) -> dict[str, str]:
    read = {name: word_of(value, fields[name].values) for name, value in values.items()}
    return {name: word for name, word in read.items() if word is not None}


def _filled(path: str, insured: Insured) -> str:
    """A path with its placeholders, each as one segment or one value of the query."""
    born = insured.birth_date
    values = {
        "policy_number": insured.policy_number,
        "birth_date": None if born is None else born.isoformat(),
        "phone": insured.phone,
    }
    return PLACEHOLDER.sub(lambda found: quote(values[found[1]] or "", safe=""), path)


def about(insured: Insured, asked_by: frozenset[str], found: Sequence[Policy]) -> Policies:
    """Those of `found` that are his: by the number that was asked for, and by his birth date where both sides know it.

    Answers with other numbers alone are no answer. By his phone alone, policies of which nobody can tell
    that they are one person's are a family's.
    """
    by_number = "policy_number" in asked_by
    asked_for = [each for each in found if not by_number or _has_number(each, insured)]
    his = [each for each in asked_for if _may_be_his(each, insured)]
    if len(his) < len(found):
        log.warning("records.not_his", refused=len(found) - len(his))
    if found and not asked_for:
        raise CrmFault("bad_answer", "policies of others alone")
    if not his:
        return _NOT_FOUND
    born = {policy.birth_date for policy in his}
    several = len(born) > 1 or (len(his) > 1 and None in born)
    if (several and not by_number) or len(his) > MOST_POLICIES:
        return Policies(status="unknown", reason="ambiguous")
    return Policies(status="found", policies=tuple(his))


def _has_number(policy: Policy, insured: Insured) -> bool:
    return policy.number is not None and same_number(policy.number, insured.policy_number or "")


def _may_be_his(policy: Policy, insured: Insured) -> bool:
    unknown = None in {policy.birth_date, insured.birth_date}
    return unknown or policy.birth_date == insured.birth_date
