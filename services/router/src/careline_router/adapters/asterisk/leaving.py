"""A caller leaves Careline for good: Asterisk's dialplan goes on with him (deploy/asterisk/extensions.conf)."""

from careline_router.adapters.asterisk.connection import Answer, AriConnection, part
from careline_router.views import PbxCommand

CONTEXT = "careline-leave"
TARGET = "CARELINE_TARGET"


def leaves(command: PbxCommand) -> bool:
    """Whether the caller is not ours any more once this command is carried out."""
    return command.type == "voicemail" or bool(command.body.get("leaves"))


async def leave(ari: AriConnection, command: PbxCommand) -> Answer:
    """Sends the caller on in the dialplan: to speak, or to be put through to the command's endpoint."""
    channel = part(command.pbx_call_id)
    extension = "voicemail"
    if command.type == "transfer":
        extension = "overflow"
        told = await ari.request(
            "POST",
            f"channels/{channel}/variable",
            variable=TARGET,
            value=str(command.body["endpoint"]),
        )
        if not told.ok:
            return told
    return await ari.request(
        "POST", f"channels/{channel}/continue", context=CONTEXT, extension=extension, priority=1
    )
