"""The section `records` of the configuration: where insurance records are looked at, and in what words."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from careline_router.adapters.crm_fields import CrmField
from careline_router.booking_config import JsonPath, placeholders
from careline_router.crm_config import JSON_PATH, CrmFieldEntry, in_full
from careline_router.domain.insurance import InsuranceKind
from careline_router.login_config import SystemEntry
from careline_router.look_up_config import LookUpBounds

_ASKED = frozenset({"policy_number", "birth_date", "phone"})
_WHOSE = frozenset({"policy_number", "phone"})
KINDS = frozenset(get_args(InsuranceKind))

PolicyField = Literal["state", "insurer", "kind", "valid_until", "clinic", "number", "birth_date"]
"""What records may tell of a policy."""
_USUAL: Mapping[PolicyField, CrmFieldEntry] = {
    "state": CrmFieldEntry(field="$.status"),
    "insurer": CrmFieldEntry(field="$.insurer"),
    "kind": CrmFieldEntry(field="$.type", values={"dms": "voluntary", "oms": "compulsory"}),
    "valid_until": CrmFieldEntry(field="$.valid_until"),
    "clinic": CrmFieldEntry(field="$.clinic"),
    "number": CrmFieldEntry(field="$.number"),
    "birth_date": CrmFieldEntry(field="$.birth_date"),
}


def _look(path: str) -> str:
    """A path by which somebody is looked for; raises ValueError."""
    if not path.startswith("/") or path.startswith("//") or "#" in path:
        raise ValueError("give a path that begins with one / and has no #")
    named = placeholders(path)
    unknown = named - _ASKED
    if unknown:
        raise ValueError(f"no {{{min(unknown)}}} here: one of {', '.join(sorted(_ASKED))}")
    if not named & _WHOSE:
        raise ValueError("ask by {policy_number} or {phone}: a birth date is many people's")
    return path


LookPath = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_look)]


class RecordsEntry(SystemEntry, LookUpBounds):
    """Where insurance records are looked at: nowhere, or at any system that answers a `GET` with JSON.

    Of `paths` the first is asked all of whose placeholders are known of the caller. Durations in seconds;
    `call_waits_ms` is how long a call waits for what only its flow wants to know.
    """

    kind: Literal["http", "none"] = "none"
    paths: Annotated[list[LookPath], Field(min_length=1, max_length=8)] = Field(
        default_factory=lambda: ["/policies?number={policy_number}", "/policies?phone={phone}"]
    )
    items: JsonPath = "$.items"
    map: dict[PolicyField, Annotated[CrmFieldEntry, BeforeValidator(in_full)]] = Field(
        default_factory=lambda: dict(_USUAL)
    )

    deadline_s: Annotated[float, Field(ge=0.01, le=30)] = 5
    call_waits_ms: Annotated[int, Field(ge=10, le=5_000)] = 300
    cache_s: Annotated[float, Field(ge=0, le=300)] = 30
    negative_cache_s: Annotated[float, Field(ge=0, le=300)] = 10

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind != "none" and self.url is None:
            raise ValueError(f"insurance records of kind {self.kind} need url")
        return self

    def fields(self) -> Mapping[str, CrmField]:
        return {name: field.mapped() for name, field in self.map.items()}


def records_faults(entry: RecordsEntry) -> Iterator[tuple[str, str]]:
    """What of `map` cannot be, as path and reason."""
    for name in ("state", "number", "birth_date"):
        if name not in entry.map:
            why = "the rest tells nothing without" if name == "state" else "whose an answer is"
            yield f"map.{name}", f"say where it stands: {why}"
    for name, field in entry.map.items():
        if not re.fullmatch(JSON_PATH, field.field):
            yield f"map.{name}", "give a path such as $.policy.state"
        if field.formatted:
            yield f"map.{name}.formatted", "only Dataverse has formatted values"
    kind = entry.map.get("kind")
    if kind is not None and not set(kind.values.values()) <= KINDS:
        yield "map.kind.values", "an insurance is voluntary or compulsory"
