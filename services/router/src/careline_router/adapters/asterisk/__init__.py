"""Asterisk 22 by ARI."""

from careline_router.adapters.asterisk.pbx import AsteriskPbx
from careline_router.adapters.asterisk.target import AsteriskTarget, Trunk

__all__ = ["AsteriskPbx", "AsteriskTarget", "Trunk"]
