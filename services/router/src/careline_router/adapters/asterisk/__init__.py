"""Asterisk 22 by ARI."""

from careline_router.adapters.asterisk.pbx import AsteriskPbx, AsteriskTarget

__all__ = ["AsteriskPbx", "AsteriskTarget"]
