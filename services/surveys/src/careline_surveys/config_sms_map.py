"""`map` of an `sms` entry of kind `http`: the formats of a provider that has no kind of its own."""

import re
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from careline_common.config import ConfigModel

PATH = re.compile(r"^\$(\.[A-Za-z_][\w-]*|\[\d{1,4}\])+$")
SLOT = re.compile(r"\{(\w+)\}")
SLOTS = frozenset({"id", "to", "text", "from", "key"})

Path = Annotated[str, StringConstraints(pattern=PATH.pattern, max_length=200)]
"""Where a value stands: `$.data[0].id`. In a form every field is `$.name`."""
Text = Annotated[str, StringConstraints(max_length=1000)]


class AnswerMap(ConfigModel):
    """How the answer to a sending is read. Whatever fits nothing here is an unknown outcome.

    Without `code` an answer with HTTP status 2xx and a message id is acceptance.
    """

    message_id: Path
    code: Path | None = None
    accepted: list[Text] = Field(default_factory=list)
    refused: list[Text] = Field(default_factory=list)
    failed: list[Text] = Field(default_factory=list)
    refused_statuses: list[Annotated[int, Field(ge=300, le=599)]] = Field(
        default_factory=lambda: [429]
    )

    @model_validator(mode="after")
    def _check_code(self) -> Self:
        if self.code is None and (self.accepted or self.refused or self.failed):
            raise ValueError("accepted, refused and failed are values of code: say where it stands")
        if self.code is not None and not self.accepted:
            raise ValueError("say which values of code mean accepted")
        return self


class StatusMap(ConfigModel):
    """How a delivery receipt is read; a word that is not in `words` is taken as it is."""

    message_id: Path
    status: Path
    words: dict[str, Literal["delivered", "failed", "sent"]] = Field(default_factory=dict)
    sender: Path | None = Field(default=None, alias="to")


class InboundMap(ConfigModel):
    """How a reply is read. Repeats are known by `id`."""

    id: Path
    sender: Path = Field(alias="from")
    text: Path


class ProofMap(ConfigModel):
    """Where `callback_secret`, or an HMAC of the body by it, stands in a callback."""

    by: Literal["query", "header", "hmac-sha256", "hmac-sha1"] = "query"
    name: Annotated[str, StringConstraints(min_length=1, max_length=100)] = "secret"
    encoding: Literal["hex", "base64"] = "hex"


class MapEntry(ConfigModel):
    """`send` is the body (or, with GET, the query): values with {id}, {to}, {text}, {from}, {key}."""

    method: Literal["POST", "GET"] = "POST"
    body: Literal["json", "form"] = "json"
    headers: dict[str, Text] = Field(default_factory=dict)
    send: dict[str, Text] = Field(min_length=1)
    number: Literal["e164", "digits"] = "e164"
    answer: AnswerMap
    status: StatusMap | None = None
    inbound: InboundMap | None = None
    proof: ProofMap = Field(default_factory=ProofMap)
    thanks: Text = ""

    @model_validator(mode="after")
    def _check_slots(self) -> Self:
        texts = [*self.send.values(), *self.headers.values()]
        used = {name for text in texts for name in SLOT.findall(text)}
        if used - SLOTS:
            raise ValueError(f"there is no {{{min(used - SLOTS)}}}: there are {_listed()}")
        if not {"to", "text"} <= {n for text in self.send.values() for n in SLOT.findall(text)}:
            raise ValueError("send needs {to} and {text}")
        return self


def _listed() -> str:
    return ", ".join(f"{{{name}}}" for name in sorted(SLOTS))
