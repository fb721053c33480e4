"""What the process that learns and its parent say to each other."""

import struct
from dataclasses import dataclass

from careline_tickets.domain.classifying import Model, Trial

LENGTH = struct.Struct("!I")
"""Of the pickle that follows, in bytes."""


@dataclass(frozen=True, slots=True)
class Head:
    """`model` has no words yet."""

    appeals: int
    subjects: int
    model: Model | None
    trial: Trial | None
    slices: int
