"""A record: what one row says, how it is recognised, and what a row does to it."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from careline_ingest.domain import normalise
from careline_ingest.domain.faults import Fault, ValueRefusedError, mask
from careline_ingest.domain.feed import IDENTITY, TARGETS, FeedSpec
from careline_ingest.domain.mapping import Binding, CellRefusedError, Cells, extract
from careline_ingest.domain.normalise import Parsers
from careline_ingest.domain.vocabulary import CODED, DEFAULT_KIND, WITHDRAWN

Outcome = Literal["created", "updated", "unchanged"]
Fields = Mapping[str, str]

SALT_BYTES = 16
_LONGEST = {"text": 100_000, "answer": 100_000, "name": 300, "external_id": 200}
_LONGEST_ELSE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is kept of a record between two rows about it."""

    record_id: str
    version: int
    digest: bytes
    salt: bytes
    partner_version: str | None
    run_id: str
    row: int


def read_record(
    cells: Cells,
    binding: Binding,
    spec: FeedSpec,
    *,
    parsers: Parsers,
    now: datetime,
    fix: Mapping[str, str] | None = None,
) -> Fields | Fault:
    """The fields of a record in their one spelling, or the first thing that is wrong.

    `fix` holds values by target that somebody has put right by hand; they stand over the cells.
    """
    try:
        values = extract(binding, cells) | dict(fix or {})
    except CellRefusedError as refusal:
        return Fault(field=refusal.target, code=refusal.code, text=refusal.text)
    fields: dict[str, str] = {}
    for target in TARGETS:
        value = values.get(target, "")
        try:
            told = _field(target, value, spec, parsers, now)
        except ValueRefusedError as refusal:
            shown = mask(target, normalise.line(value))
            return Fault(field=target, code=refusal.code, text=refusal.text, value=shown)
        if told:
            fields[target] = told
    return fields


def identity(cells: Cells, binding: Binding) -> str | None:
    """The partner's own number of a row that could not be taken, where it can be read."""
    try:
        value = normalise.key(extract(binding, cells).get(IDENTITY, ""))
    except ValueRefusedError:
        return None
    return value[: _LONGEST[IDENTITY]] or None


def digest(fields: Fields, salt: bytes) -> bytes:
    """What tells two versions of a record apart without keeping either: salted, so that it cannot
    be turned back into a phone number by trying them all."""
    told = json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hmac.new(salt, told.encode(), hashlib.sha256).digest()


def settle(
    known: Known | None, fields: Fields, *, run_id: str, row: int, by_hand: bool = False
) -> Outcome:
    """What a row does. One that is behind what is known does nothing: by the partner's own version,
    or because a later file, or a later row of the same file, was taken before it (a row that came
    out of quarantine late). What somebody put right `by_hand` holds.
    """
    if known is None:
        return "created"
    late = (run_id, row) < (known.run_id, known.row) and not by_hand
    if late or _older(fields.get("version"), known.partner_version):
        return "unchanged"
    same = hmac.compare_digest(digest(fields, known.salt), known.digest)
    return "unchanged" if same else "updated"


def is_withdrawn(fields: Fields) -> bool:
    return normalise.folded(fields.get("status", "")) in WITHDRAWN


def _older(version: str | None, known: str | None) -> bool:
    """True where both are numbers, or both are moments, and the first is behind."""
    if version is None or known is None:
        return False
    if version.isdigit() and known.isdigit():
        return int(version) < int(known)
    try:
        return datetime.fromisoformat(version) < datetime.fromisoformat(known)
    except (ValueError, TypeError):
        return False


def _field(target: str, value: str, spec: FeedSpec, parsers: Parsers, now: datetime) -> str:
    told = _text(target, value)
    if not told:
        if target == IDENTITY:
            raise ValueRefusedError("missing", "the row does not say which appeal it is about")
        return {"kind": DEFAULT_KIND, "channel": spec.channel}.get(target, "")
    if len(told) > _LONGEST.get(target, _LONGEST_ELSE):
        raise ValueRefusedError(
            "too-long", f"{len(told)} characters; at most {_LONGEST.get(target, _LONGEST_ELSE)}"
        )
    if target == "phone":
        return normalise.phone(told, spec.region, parsers)
    if target == "birth_date":
        return normalise.birth_date(told, parsers, today=now.astimezone(ZoneInfo(spec.zone)).date())
    if target == "registered_at":
        return _moment(told, spec, parsers, now)
    if target == "version":
        return _version(told, spec, parsers, now)
    return _coded(target, told, spec)


def _text(target: str, value: str) -> str:
    if target in ("text", "answer"):
        return normalise.paragraph(value)
    return normalise.line(value) if target in ("name", "status") else normalise.key(value)


def _moment(told: str, spec: FeedSpec, parsers: Parsers, now: datetime) -> str:
    moment = normalise.moment(told, parsers, zone=ZoneInfo(spec.zone), now=now)
    return moment.isoformat().replace("+00:00", "Z")


def _version(told: str, spec: FeedSpec, parsers: Parsers, now: datetime) -> str:
    """A number, or the moment of the partner's last change; anything else is just a mark."""
    if told.isdigit():
        return told
    try:
        return _moment(told, spec, parsers, now)
    except ValueRefusedError:
        return told


def _coded(target: str, told: str, spec: FeedSpec) -> str:
    codes = CODED.get(target) or spec.references.get(target)
    if not codes:
        return told
    found = codes.get(normalise.folded(told))
    if found is None:
        known = sorted(set(codes.values()))
        shown = ", ".join(known[:20]) + (", …" if len(known) > 20 else "")
        raise ValueRefusedError("unknown-value", f"this is none of: {shown}")
    return found
