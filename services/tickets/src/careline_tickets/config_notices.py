"""The configuration's `notices`: of what citizens are told without asking."""

from enum import StrEnum
from typing import Literal

from pydantic import Field

from careline_common.config import ConfigModel
from careline_tickets.domain.vocabulary import Channel


class NoticeKind(StrEnum):
    """What a notice tells. `STATUS` is the answer to who asked."""

    REGISTERED = "registered"
    EXTENDED = "extended"
    LATE = "late"
    CLOSED = "closed"
    MERGED = "merged"
    STATUS = "status"


OWN = (
    Channel.PHONE, Channel.PORTAL, Channel.SMS, Channel.EMAIL, Channel.VOICEMAIL, Channel.WALK_IN,
    Channel.APP,
)  # fmt: skip
"""Appeals that citizens bring to us: those of insurers are answered by them."""


class NoticesEntry(ConfigModel):
    """Without this section nobody is told of anything but by mail to what he wrote by mail."""

    about: list[Literal["registered", "extended", "late", "closed", "merged"]] = Field(
        default=["registered", "extended", "late", "closed", "merged"], min_length=1
    )
    channels: list[Channel] = Field(default=list(OWN), min_length=1)
    language: Literal["en", "ru", "fa", "zh"] = "ru"
    """Where the appeal does not tell the citizen's."""

    def tells(self, kind: NoticeKind, channel: Channel) -> bool:
        return kind in self.about and channel in self.channels
