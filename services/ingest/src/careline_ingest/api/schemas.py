"""The shapes of ingest's answers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, Self

from pydantic import BaseModel, Field, model_validator

from careline_ingest.db.quarantines import LeftOut, Quarantined
from careline_ingest.db.runs import Run
from careline_ingest.previewing import Preview


def _run_fields(run: Run) -> dict[str, Any]:
    return {
        "id": run.id,
        "source": run.source,
        "status": run.status,
        "file": run.file,
        "sha256": None if run.sha256 is None else run.sha256.hex(),
        "rows": run.rows.shown(),
        "error": run.error,
        "created_at": run.created_at,
        "finished_at": run.finished_at,
    }


class RowCounts(BaseModel):
    """They add up: read = created + updated + unchanged + quarantined."""

    read: int
    created: int
    updated: int
    unchanged: int
    quarantined: int


class RunView(BaseModel):
    id: str
    source: str
    status: Literal["running", "done", "failed"]
    file: str | None = Field(description="the name under which the file came first")
    sha256: str | None = Field(description="of the file's bytes, in hexadecimal digits")
    rows: RowCounts
    error: str | None = Field(description="why the whole file could not be read")
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, run: Run) -> Self:
        return cls.model_validate(_run_fields(run))


class AcceptedView(RunView):
    unchanged: bool = Field(description="these bytes were known: this is the run that read them")
    runs: list[str] = Field(description="all runs of this request; a folder may hold many files")

    @classmethod
    def accepted(cls, run: Run, all_runs: list[str], *, is_new: bool) -> Self:
        return cls.model_validate({**_run_fields(run), "unchanged": not is_new, "runs": all_runs})


class PreviewedRow(BaseModel):
    row: int
    fields: dict[str, str] | None = Field(description="of the record that the row would be")
    field: str | None = Field(description="what is wrong with the row, else null")
    code: str | None
    value: str | None = Field(description="masked")
    text: str | None


class PreviewView(BaseModel):
    """What would become of a file."""

    encoding: str | None = Field(description="null for spreadsheets")
    columns: dict[str, str | None] = Field(description="by map target: the file's column")
    unused: list[str] = Field(description="columns that nothing is taken from")
    tried: int = Field(description="rows; at most 1000")
    good: int
    faults: dict[str, int] = Field(description="by field and code: of how many rows")
    rows: list[PreviewedRow]

    @classmethod
    def of(cls, found: Preview) -> Self:
        return cls(
            encoding=found.encoding,
            columns=found.columns,
            unused=found.unused,
            tried=found.tried,
            good=found.good,
            faults={f"{where}: {code}": times for (where, code), times in found.faults.items()},
            rows=[
                PreviewedRow(
                    row=each.row,
                    fields=None if each.fields is None else dict(each.fields),
                    field=each.fault and each.fault.field,
                    code=each.fault and each.fault.code,
                    value=each.fault and each.fault.value,
                    text=each.fault and each.fault.text,
                )
                for each in found.rows
            ],
        )


class QuarantineView(BaseModel):
    id: str
    run: str
    source: str
    row: int = Field(description="in the file; row 1 is the header")
    field: str | None = Field(description="the field of the record, null for the row as a whole")
    code: str
    value: str | None = Field(description="masked")
    text: str
    external_id: str | None

    @classmethod
    def of(cls, row: Quarantined) -> Self:
        return cls(
            id=row.id,
            run=row.run_id,
            source=row.source,
            row=row.row,
            field=row.field,
            code=row.code,
            value=row.value,
            text=row.text,
            external_id=row.external_id,
        )


class LeftOutView(BaseModel):
    row: int
    field: str
    code: str
    value: str | None = Field(description="masked")
    text: str

    @classmethod
    def of(cls, left: LeftOut) -> Self:
        return cls(row=left.row, field=left.field, code=left.code, value=left.value, text=left.text)


class ReplayRequest(BaseModel):
    fix: dict[str, str | int | None] = Field(
        default_factory=dict, description="values by field of the record, null for none"
    )

    @property
    def values(self) -> dict[str, str | None]:
        return {name: None if value is None else str(value) for name, value in self.fix.items()}


class ReplayRowsRequest(ReplayRequest):
    """Some rows of a run, and what is to stand in place of each one's own values."""

    ids: list[str] | None = Field(default=None, max_length=1000, description="null: all that wait")

    @model_validator(mode="after")
    def _check_fix(self) -> Self:
        if self.fix and self.ids is None:
            raise ValueError("ids must name the rows that the fix is for")
        return self


class ReplayView(BaseModel):
    id: str
    run: str
    row: int
    outcome: Literal["created", "updated", "unchanged"]
    record_id: str


class PushedView(BaseModel):
    record_id: str
    run: str
    outcome: Literal["created", "updated", "unchanged"]


class RecordView(BaseModel):
    """A record as the partner last told it."""

    id: str
    source: str
    external_id: str
    insurer: str | None
    version: int = Field(description="counts its changes from 1")
    withdrawn: bool
    run: str
    row: int
    received_at: datetime
    updated_at: datetime
    fields: dict[str, str] | None = Field(
        description="by map target: moments in RFC 3339, phones in E.164, birth_date as yyyy-mm-dd,"
        " kind, channel and outcome in Careline's words; null when the content was erased"
    )

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        return cls(
            id=row["id"],
            source=row["source"],
            external_id=row["external_id"],
            insurer=row["insurer"],
            version=row["version"],
            withdrawn=row["withdrawn"],
            run=row["run_id"],
            row=row["row"],
            received_at=row["created_at"],
            updated_at=row["updated_at"],
            fields=row["fields"],
        )
