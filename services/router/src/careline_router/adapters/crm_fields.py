"""From what a CRM has in its fields to a profile; the same for every kind of CRM."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Literal

from careline_router.domain.words import Payer
from careline_router.ports import CrmProfile

Target = Literal[
    "payer",
    "insurance",
    "insurer",
    "policy_state",
    "name",
    "vip",
    "language",
    "dialect",
    "needs",
    "last_agent",
    "owner",
    "birth_date",
    "policy_number",
]
"""What a CRM may tell of a caller."""

LONGEST_TEXT = 200
MOST_NEEDS = 20
MOST_CONTACTS = 5
"""As many contacts with one number may be a family; more are a switchboard."""
_PAYERS: Mapping[str, Payer] = {"cash": "cash", "insured": "insured"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmField:
    """Where a fact stands at the CRM and, by `values`, which word its value means.

    With `values` given, a value that is not among them means nothing. `path` is in the CRM's own
    form; `formatted` takes the label that Dataverse shows instead of the value.
    """

    path: str
    values: Mapping[str, str] = field(default_factory=dict)
    formatted: bool = False


def profile_of(found: Mapping[str, Any], fields: Mapping[str, CrmField]) -> CrmProfile:
    """The profile of one contact; `found` has the raw value of each mapped field, None for none."""

    def word(name: Target) -> str | None:
        mapped = fields.get(name)
        return None if mapped is None else word_of(found.get(name), mapped.values)

    return CrmProfile(
        status="found",
        payer=_PAYERS.get((word("payer") or "").lower(), "unknown"),
        insurance=word("insurance"),
        insurer=word("insurer"),
        policy_state=word("policy_state"),
        name=word("name"),
        vip=(word("vip") or "").lower() == "true",
        language=word("language"),
        dialect=word("dialect"),
        needs=_words(found.get("needs"), fields["needs"].values) if "needs" in fields else (),
        last_agent=word("last_agent"),
        owner=word("owner"),
        birth_date=date_of(word("birth_date")),
        policy_number=word("policy_number"),
    )


def date_of(text: str | None) -> date | None:
    """A date, also one with a time behind it."""
    try:
        return None if text is None else date.fromisoformat(text[:10])
    except ValueError:
        return None


def caller_among(profiles: Sequence[CrmProfile]) -> CrmProfile:
    """Who calls when the CRM has these contacts with the number.

    None: `not_found`. One: he. Several, a family on one phone: nobody knows who of them calls, so
    the answer is `ambiguous` with the facts that hold for each of them, and no name. More than
    `MOST_CONTACTS`: `ambiguous` without any fact.
    """
    if not profiles:
        return CrmProfile(status="unknown", reason="not_found")
    first, *others = profiles
    if not others:
        return first
    if len(profiles) > MOST_CONTACTS:
        return CrmProfile(status="unknown", reason="ambiguous")

    def common(value: str | None, name: str) -> str | None:
        return value if all(getattr(other, name) == value for other in others) else None

    return replace(
        first,
        status="unknown",
        reason="ambiguous",
        payer=first.payer if all(o.payer == first.payer for o in others) else "unknown",
        insurance=common(first.insurance, "insurance"),
        insurer=common(first.insurer, "insurer"),
        policy_state=common(first.policy_state, "policy_state"),
        name=None,
        vip=all(profile.vip for profile in profiles),
        language=common(first.language, "language"),
        dialect=common(first.dialect, "dialect"),
        needs=tuple(need for need in first.needs if all(need in o.needs for o in others)),
        last_agent=common(first.last_agent, "last_agent"),
        owner=common(first.owner, "owner"),
        birth_date=None,
        policy_number=None,
    )


def word_of(value: Any, values: Mapping[str, str]) -> str | None:
    """A value as a word: `true`, `100000001`, or the text itself, clean and not too long."""
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, int):
        text = str(value)
    elif isinstance(value, str):
        text = value.replace("\x00", "").strip()[:LONGEST_TEXT]
        text = text.encode("utf-8", "replace").decode()
    else:
        return None
    return (values.get(text) if values else text) or None


def _words(value: Any, values: Mapping[str, str]) -> tuple[str, ...]:
    """Several words: of a list, or of a text with commas, as Dataverse gives choices."""
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, list):
        items = [items]
    words = (word_of(item, values) for item in items)
    return tuple(dict.fromkeys(word for word in words if word))[:MOST_NEEDS]
