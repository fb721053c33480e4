"""CloudEvents 1.0 in structured mode, as Careline's services exchange them."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, Field, StrictInt, ValidationError
from pydantic_core import to_json

from careline_common.events.event import Event
from careline_common.events.registry import event_class

CONTENT_TYPE = "application/cloudevents+json"


class InvalidEventError(Exception):
    """The message is no CloudEvent of ours; the text says what is wrong with it."""


@dataclass(slots=True, kw_only=True)  # to freeze it would make it twice as dear to make
class Envelope:
    """One event on its way. `sequence` is the version of `subject`, by which consumers order."""

    id: str
    source: str
    subject: str
    time: datetime
    sequence: int
    correlationid: str
    causationid: str | None
    data: Event

    @property
    def type(self) -> str:
        return self.data.TYPE

    def to_json(self) -> bytes:
        document: dict[str, Any] = {
            "specversion": "1.0",
            "id": self.id,
            "source": self.source,
            "type": self.type,
            "subject": self.subject,
            "time": self.time.astimezone(UTC),
            "datacontenttype": "application/json",
            "sequence": self.sequence,
            "correlationid": self.correlationid,
        }
        if self.causationid is not None:
            document["causationid"] = self.causationid
        document["data"] = self.data
        return to_json(document)

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Reads a message; raises `UnknownEventError` or `InvalidEventError`."""
        try:
            head = _Head.model_validate_json(body)
            data = event_class(head.type).model_validate(head.data)
        except ValidationError as error:
            raise InvalidEventError(_faults(error)) from error
        return cls(
            id=head.id,
            source=head.source,
            subject=head.subject,
            time=head.time,
            sequence=head.sequence,
            correlationid=head.correlationid,
            causationid=head.causationid,
            data=data,
        )


class _Head(BaseModel):
    """The CloudEvent around the data, as it has to be."""

    specversion: Literal["1.0"]
    id: str = Field(min_length=1)
    type: str
    source: str
    subject: str
    time: AwareDatetime
    sequence: StrictInt
    correlationid: str
    causationid: str | None = None
    data: dict[str, Any]


def _faults(error: ValidationError) -> str:
    """Which fields are wrong and how, without the values: they may be a patient's."""
    return "; ".join(
        f"{'.'.join(str(step) for step in fault['loc']) or 'message'}: {fault['type']}"
        for fault in error.errors(include_url=False, include_context=False, include_input=False)
    )
