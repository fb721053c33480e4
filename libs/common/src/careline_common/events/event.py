"""What every event is."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class UnknownEventError(Exception):
    """No event of this type is in the catalogue."""


class Event(BaseModel):
    """The `data` of an event. Readers are tolerant: fields they do not know are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    TYPE: ClassVar[str]
    """`careline.<thing>.<what happened>.v<version>`; also the routing key."""
