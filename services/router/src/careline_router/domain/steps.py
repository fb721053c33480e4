"""What is to be done outside the floor: a command for a PBX, a message for an agent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class PbxStep:
    """A command for the PBX of a call."""

    type: str
    body: Mapping[str, Any] = field(default_factory=dict)
    offer_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message for an agent's socket."""

    agent_id: str
    type: str
    data: Mapping[str, Any]
