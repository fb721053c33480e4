"""What a source's configuration says about its files, as the domain needs it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

TARGETS: tuple[str, ...] = (
    "external_id",
    "registered_at",
    "phone",
    "name",
    "birth_date",
    "policy_number",
    "channel",
    "kind",
    "subject",
    "territory",
    "organisation",
    "text",
    "answer",
    "status",
    "outcome",
    "version",
    "recording",
)
"""The fields of a record that a column may be mapped to, in the order rows are checked."""

IDENTITY = "external_id"
PERSONAL: frozenset[str] = frozenset(
    {"phone", "name", "birth_date", "policy_number", "text", "answer", "recording"}
)
Contract = Mapping[str, str]
"""By target, what a bad value does: `discard_row` (the default: the row is quarantined), `discard_value`
(the row is taken without it), `freeze` (the file ends there), `evolve` (a code that nobody knows is
taken as it stands). `columns` says it of columns that are not mapped: `evolve` or `freeze`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """Where one target comes from: the first of `names` that the file has."""

    target: str
    names: tuple[str, ...]
    default: str | None = None
    """Taken where the cell is empty or the column is not in the file."""
    values: Mapping[str, str] = field(default_factory=dict)
    """The partner's codes, and what each is here."""
    expression: str | None = None
    """CEL over `row` (the cells by column) and `value` (this cell); it gives the value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSpec:
    """How to read one file of a source. A run keeps the one it began with."""

    source: str
    record: str = "appeal"
    format: str
    columns: tuple[Column, ...]
    encodings: tuple[str, ...] = ()
    delimiter: str | None = None
    """None: the one of `; , tab |` that makes the mapped columns appear in the header."""
    rows: str | None = None
    """Dotted path to the list of rows in a JSON document; None: the document is the list."""
    region: str = "RU"
    """Country (ISO 3166-1 alpha-2) of phones that come without a country code."""
    zone: str = "Europe/Moscow"
    """Time zone of moments that come without an offset."""
    channel: str = "insurer"
    """The channel of records that name none."""
    insurer: str | None = None
    """Whose appeals these are."""
    contract: Contract = field(default_factory=dict)
    references: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """For subject, territory and organisation: what a row may say, and the id it means. A target
    that has no entries here takes any value."""

    def document(self) -> dict[str, Any]:
        """As JSON, to be kept with the run. What says nothing is left out, so that a process of the
        last version can read it."""
        document = asdict(self)
        if not self.contract:
            del document["contract"]
        for column in document["columns"]:
            if column["expression"] is None:
                del column["expression"]
        return document

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """What `document` had written."""
        columns = tuple(
            Column(**{**column, "names": tuple(column["names"])}) for column in document["columns"]
        )
        encodings = tuple(document["encodings"])
        return cls(**{**document, "columns": columns, "encodings": encodings})
