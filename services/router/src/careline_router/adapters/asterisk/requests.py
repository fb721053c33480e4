"""What is asked of Asterisk for a command."""

from collections.abc import Mapping
from typing import Any

from careline_router.adapters.asterisk.channels import hold_bridge
from careline_router.adapters.asterisk.connection import Answer, AriConnection, part
from careline_router.views import PbxCommand

NORMAL_CLEARING = 16
ANSWERED_ELSEWHERE = 26
"""Q.850: the phone shows no missed call."""


async def ensure_bridge(ari: AriConnection, bridge: str, kind: str) -> Answer:
    """Makes a bridge of ours, or finds the one that an earlier run or an earlier try has made."""
    made = await ari.request("POST", f"bridges/{part(bridge)}", type=kind, name=bridge)
    if made.ok:
        return made
    there = await ari.request("GET", f"bridges/{part(bridge)}")
    return there if there.ok else made


def plain_request(
    command: PbxCommand, application: str, party: str
) -> tuple[str, str, dict[str, str | int]] | None:
    """The one ARI request that a command is: method, path and query; None when it is not one.

    `party` is the channel of the caller, or of the person who is called back.
    """
    channel, body = part(party), command.body
    match command.type:
        case "answer":
            return "POST", f"channels/{channel}/answer", {}
        case "hold":
            bridge = part(hold_bridge(application))
            return "POST", f"bridges/{bridge}/addChannel", {"channel": party}
        case "cancel_ring":
            leg = part(str(body["offer_id"]))
            return "DELETE", f"channels/{leg}", {"reason_code": ANSWERED_ELSEWHERE}
        case "hangup":
            return "DELETE", f"channels/{channel}", {"reason_code": NORMAL_CLEARING}
        case _:
            return None


def media_of(body: Mapping[str, Any]) -> str:
    media = str(body.get("media", ""))
    return media if ":" in media else f"sound:{media}"
