"""The emergency switch: while it is on, every line tells its callers so instead of putting them through."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(slots=True, kw_only=True)
class EmergencySwitch:
    """How the switch stands. `announcement` is a file of the PBX; None: each line's own."""

    on: bool = False
    announcement: str | None = None
    by: str | None = None
    at: datetime | None = None
