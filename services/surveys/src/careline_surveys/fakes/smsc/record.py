"""What the fake SMSC has seen: JSON lines, each written before anybody is answered."""

import json
from pathlib import Path
from typing import Any

import smpp34

from careline_surveys.adapters.smpp.coding import decode
from careline_surveys.adapters.smpp.parts import Place


class Record:
    """Keeps everything in memory and, given a file, appends it there."""

    def __init__(self, path: Path | None = None) -> None:
        self.entries: list[dict[str, Any]] = []
        self._file = None if path is None else path.open("a", buffering=1)

    def note(self, event: str, **values: Any) -> None:
        entry = {"event": event, **values}
        self.entries.append(entry)
        if self._file is not None:
            self._file.write(json.dumps(entry, ensure_ascii=False) + "\n")

    def of(self, event: str) -> list[dict[str, Any]]:
        return [entry for entry in self.entries if entry["event"] == event]

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def shown(
    found: smpp34.SubmitSm, content: bytes, place: Place | None, *, fault: str, message_id: str
) -> dict[str, Any]:
    """A submit_sm as it stands in the record."""
    return {
        "message_id": message_id,
        "from": found.source_addr,
        "to": found.destination_addr,
        "source_ton": found.source_addr_ton,
        "source_npi": found.source_addr_npi,
        "data_coding": found.data_coding,
        "esm_class": found.esm_class,
        "registered_delivery": found.registered_delivery,
        "validity_period": found.validity_period,
        "content": content.hex(),
        "text": decode(content, found.data_coding, "gsm7"),
        "part": None if place is None else [place.reference, place.total, place.number],
        "tlvs": {f"{tlv.tag:04x}": tlv.value.hex() for tlv in found.tlvs},
        "fault": fault,
    }
