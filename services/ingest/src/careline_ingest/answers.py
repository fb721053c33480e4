"""The answer to the sender of a file: what was taken, and what is wrong with each row that was not."""

import json
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree as ET

from careline_ingest.db.quarantines import Quarantined
from careline_ingest.db.runs import Run
from careline_ingest.domain.faults import ERROR_NUMBERS
from careline_ingest.domain.feed import FeedSpec
from careline_ingest.domain.normalise import clean

UNKNOWN_ERROR = 900
LONGEST_NAME_BYTES = 200
"""File systems allow 255, and more comes behind."""


def as_json(run: Run, refused: Sequence[Quarantined]) -> dict[str, Any]:
    return {
        "run": run.id,
        "source": run.source,
        "file": run.file,
        "sha256": None if run.sha256 is None else run.sha256.hex(),
        "status": run.status,
        "error": run.error,
        "rows": run.rows.shown(),
        "items": [
            {
                "row": row.row,
                "external_id": row.external_id,
                "field": row.field,
                "code": row.code,
                "value": row.value,
                "text": row.text,
            }
            for row in refused
        ],
    }


def json_document(run: Run, refused: Sequence[Quarantined]) -> bytes:
    """`as_json` as a file; the same bytes for the same outcome."""
    return json.dumps(as_json(run, refused), ensure_ascii=False, indent=1).encode()


def documents(
    run: Run, refused: Sequence[Quarantined], formats: Sequence[str]
) -> list[tuple[str, bytes]]:
    """The answer as files, each with its name."""
    return [
        (
            file_name(run, form),
            as_flk(run, refused) if form == "xml" else json_document(run, refused),
        )
        for form in formats
    ]


def file_name(run: Run, form: str = "json") -> str:
    """The name of the answer beside the sender's files: another file of the same name has another
    answer, the same file always the same."""
    assert run.sha256 is not None
    name = (run.file or run.source).encode()[:LONGEST_NAME_BYTES].decode(errors="ignore")
    return f"{name}.{run.sha256.hex()[:12]}.flk.{form}"


def as_flk(run: Run, refused: Sequence[Quarantined]) -> bytes:
    """The protocol of format and logic control (FLK) of the Russian OMS exchange, one `PR` a row:
    OSHIB the number of the error, IM_POL the field, BAS_EL the sender's own column, N_ZAP the row."""
    spec = FeedSpec.of(run.spec)
    root = ET.Element("FLK_P")
    _child(root, "FNAME", f"{run.file or run.id}.flk.xml")
    _child(root, "FNAME_I", run.file)
    for row in refused:
        entry = ET.SubElement(root, "PR")
        _child(entry, "OSHIB", str(ERROR_NUMBERS.get(row.code, UNKNOWN_ERROR)))
        _child(entry, "IM_POL", row.field)
        _child(entry, "BAS_EL", _column(spec, row.field))
        _child(entry, "N_ZAP", str(row.row))
        _child(entry, "COMMENT", row.text)
    if run.error is not None:
        _child(root, "COMMENT", run.error)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _column(spec: FeedSpec, field: str | None) -> str | None:
    names = next((column.names for column in spec.columns if column.target == field), ())
    return names[0] if names else None


def _child(parent: ET.Element, name: str, text: str | None) -> None:
    ET.SubElement(parent, name).text = "" if text is None else clean(text)
