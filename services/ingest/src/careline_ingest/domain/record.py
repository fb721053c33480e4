"""A record: what one row says, how it is recognised, and what a row does to it."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from json.encoder import encode_basestring
from typing import Literal
from zoneinfo import ZoneInfo

from careline_ingest.domain import normalise
from careline_ingest.domain.faults import Fault, UnreadableFileError, ValueRefusedError, mask
from careline_ingest.domain.feed import IDENTITY, TARGETS, FeedSpec
from careline_ingest.domain.mapping import (
    Binding,
    CellRefusedError,
    Cells,
    extract,
    extract_one,
)
from careline_ingest.domain.normalise import Parsers
from careline_ingest.domain.vocabulary import DEFAULT_KINDS, WITHDRAWN, coded

Outcome = Literal["created", "updated", "unchanged"]
Fields = Mapping[str, str]

SALT_BYTES = 16
_NEVER_SILENT = frozenset({"external_id", "registered_at", "channel", "kind"})
"""Targets that a record has, or misses, though the row says nothing."""
LATEST = datetime.max.replace(tzinfo=UTC)
_LONGEST = {"text": 100_000, "answer": 100_000, "name": 300, "external_id": 200, "recording": 2_000}
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
    mark: bytes | None = None


def read_record(
    cells: Cells,
    binding: Binding,
    spec: FeedSpec,
    *,
    parsers: Parsers,
    now: datetime,
    fix: Mapping[str, str] | None = None,
    left_out: list[Fault] | None = None,
) -> Fields | Fault:
    """The fields of a record in their one spelling, or the first thing that is wrong.

    `fix` holds values by target that somebody has put right by hand; they stand over the cells. What
    the source's contract lets be left out goes to `left_out`. Raises `UnreadableFileError` where the
    contract says that such a value ends the file.
    """
    try:
        values = extract(binding, cells, parsers)
    except CellRefusedError as refusal:
        if fix is None or refusal.target not in fix:
            return Fault(field=refusal.target, code=refusal.code, text=refusal.text)
        values = extract(binding, cells, parsers, without=fix.keys())
    if fix:
        values |= fix
    fields: dict[str, str] = {}
    for target in TARGETS:
        value = values.get(target, "")
        if not value and target not in _NEVER_SILENT:
            continue
        try:
            told = _field(target, value, spec, parsers, now)
        except ValueRefusedError as refusal:
            shown = mask(target, normalise.line(value))
            fault = Fault(field=target, code=refusal.code, text=refusal.text, value=shown)
            mode = "discard_row" if fix else spec.contract.get(target, "discard_row")
            if mode == "freeze":
                raise UnreadableFileError(_frozen(target, fault)) from None
            if mode != "discard_value" or not _may_lack(target, spec):
                return fault
            if left_out is not None:
                left_out.append(fault)
            told = _absent(target, spec)
        if told:
            fields[target] = told
    return fields


def _frozen(target: str, fault: Fault) -> str:
    return f"{target} is frozen by the source's contract, and a row breaks it: {fault.text}"


def identity(cells: Cells, binding: Binding, parsers: Parsers) -> str | None:
    """The partner's own number of what a row is about, where it can be read."""
    try:
        value = normalise.key(extract_one(binding, IDENTITY, cells, parsers))
    except ValueRefusedError:
        return None
    return value[: _LONGEST[IDENTITY]] or None


def as_json(fields: Fields) -> str:
    """The fields as JSON, always the same for the same fields. All are text, and every row comes by here:
    putting it together is a fifth of what `json.dumps` takes."""
    told = [f'"{name}":{encode_basestring(fields[name])}' for name in sorted(fields)]
    return f"{{{','.join(told)}}}"


def digest(said: str, salt: bytes) -> bytes:
    """What tells two versions of a record (`as_json`) apart without keeping either: salted, so that it
    cannot be turned back into a phone number by trying them all."""
    return hashlib.blake2b(said.encode(), key=salt, digest_size=32).digest()


def settle(
    known: Known | None,
    said: str,
    partner_version: str | None,
    *,
    run_id: str,
    row: int,
    by_hand: bool = False,
) -> Outcome:
    """What a row that says `said` does. One that is behind what is known does nothing: by the partner's
    own version, or because a later file, or a later row of the same file, was taken before it (a row
    that came out of quarantine late). What somebody put right `by_hand` holds.
    """
    if known is None:
        return "created"
    late = (run_id, row) < (known.run_id, known.row) and not by_hand
    if late or _older(partner_version, known.partner_version):
        return "unchanged"
    return "unchanged" if is_same(known, said) else "updated"


def is_same(known: Known, said: str) -> bool:
    """Whether a record says just what it said before."""
    return hmac.compare_digest(digest(said, known.salt), known.digest)


def is_withdrawn(fields: Fields) -> bool:
    return normalise.folded(fields.get("status", "")) in WITHDRAWN


def _older(version: str | None, known: str | None) -> bool:
    """True where both are numbers, or both are moments, and the first is behind."""
    if version is None or known is None:
        return False
    if version.isdecimal() and known.isdecimal():
        return int(version) < int(known)
    try:
        return datetime.fromisoformat(version) < datetime.fromisoformat(known)
    except (ValueError, TypeError):
        return False


def _field(target: str, value: str, spec: FeedSpec, parsers: Parsers, now: datetime) -> str:
    told = _text(target, value) if value else ""
    if not told:
        return _absent(target, spec)
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


def _absent(target: str, spec: FeedSpec) -> str:
    """What stands for a value that a row does not have."""
    if target == IDENTITY:
        raise ValueRefusedError("missing", f"the row does not say which {spec.record} it is about")
    if target == "registered_at" and spec.record != "appeal":
        raise ValueRefusedError("missing", f"the row does not say when the {spec.record} is")
    if target == "channel":
        return spec.channel
    return DEFAULT_KINDS.get(spec.record, "") if target == "kind" else ""


def _may_lack(target: str, spec: FeedSpec) -> bool:
    return target != IDENTITY and (target != "registered_at" or spec.record == "appeal")


def _text(target: str, value: str) -> str:
    if target in ("text", "answer"):
        return normalise.paragraph(value)
    return (
        normalise.line(value) if target in ("name", "status", "recording") else normalise.key(value)
    )


def _moment(told: str, spec: FeedSpec, parsers: Parsers, now: datetime) -> str:
    """An appointment may lie ahead; an appeal and a visit may not."""
    latest = LATEST if spec.record == "appointment" else now
    moment = normalise.moment(told, parsers, zone=ZoneInfo(spec.zone), now=latest)
    return moment.isoformat().replace("+00:00", "Z")


def _version(told: str, spec: FeedSpec, parsers: Parsers, now: datetime) -> str:
    """A number, or the moment of the partner's last change; anything else is just a mark."""
    if told.isdecimal():
        return told
    try:
        return _moment(told, spec, parsers, now)
    except ValueRefusedError:
        return told


def _coded(target: str, told: str, spec: FeedSpec) -> str:
    codes = coded(spec.record).get(target) or spec.references.get(target)
    if not codes:
        return told
    found = codes.get(normalise.folded(told))
    if found is None and spec.contract.get(target) == "evolve" and target in spec.references:
        return told
    if found is None:
        known = sorted(set(codes.values()))
        shown = ", ".join(known[:20]) + (", …" if len(known) > 20 else "")
        raise ValueRefusedError("unknown-value", f"this is none of: {shown}")
    return found
