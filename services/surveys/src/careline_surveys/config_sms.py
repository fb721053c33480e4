"""The `sms` section: providers of messages."""

from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, StringConstraints, model_validator

from careline_common.config import ConfigModel, HttpAddress, Id, WebhookSecret

Octets20 = Annotated[str, StringConstraints(max_length=20, pattern=r"^[\x21-\x7e]*$")]
"""An address of SMPP: ASCII, at most 20 octets (5.2.8)."""

COMMON = {"id", "kind", "price", "position"}
GENERIC = {"url", "secret"}
NEEDED = {"generic": ("url", "secret"), "smpp": ("host", "port", "system_id"), "console": ()}


class SmsEntry(ConfigModel):
    """A provider of messages. `price` is of one segment; `position` comes from the file's order.

    Everything from `host` on is of kind `smpp`; times are in seconds.
    """

    id: Id
    kind: Literal["console", "generic", "smpp"]
    price: float | None = Field(default=None, ge=0)
    position: int = 0

    url: HttpAddress | None = None
    secret: WebhookSecret | None = None

    host: str | None = Field(default=None, min_length=1, max_length=253)
    port: int | None = Field(default=None, ge=1, le=65535)
    system_id: Annotated[str, StringConstraints(min_length=1, max_length=15)] | None = None
    password: SecretStr | None = Field(default=None, max_length=64)
    system_type: Annotated[str, StringConstraints(max_length=12)] = ""
    bind: Literal["transceiver", "tx_rx"] = "transceiver"
    source: Octets20 = ""
    source_ton: int = Field(default=5, ge=0, le=6)
    source_npi: int = Field(default=0, ge=0, le=18)
    destination_ton: int = Field(default=1, ge=0, le=6)
    destination_npi: int = Field(default=1, ge=0, le=18)
    window: int = Field(default=10, ge=1, le=1000)
    per_second: float | None = Field(default=None, gt=0, le=10_000)
    enquire_link_s: float = Field(default=30.0, gt=0, le=3600)
    response_timeout_s: float = Field(default=10.0, gt=0, le=300)
    failover_s: float = Field(default=60.0, ge=0)
    validity_s: int = Field(default=0, ge=0, le=7 * 86_400)
    response_ids: Literal["text", "hex", "decimal"] = "text"
    receipt_ids: Literal["text", "hex", "decimal"] = "text"
    alphabet: Literal["gsm7", "latin1"] = "gsm7"
    long_messages: Literal["udh", "udh8", "sar", "payload"] = "udh"

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        missing = [name for name in NEEDED[self.kind] if getattr(self, name) is None]
        if missing:
            raise ValueError(f"kind {self.kind} needs {', '.join(missing)}")
        own = {"console": set(), "generic": GENERIC}.get(self.kind)
        smpp = type(self).model_fields.keys() - COMMON - GENERIC
        allowed = COMMON | (smpp if own is None else own)
        foreign = sorted(self.model_fields_set - allowed)
        if foreign:
            raise ValueError(f"kind {self.kind} has no {', '.join(foreign)}")
        return self

    @model_validator(mode="after")
    def _check_ids(self) -> Self:
        if (self.response_ids == "text") != (self.receipt_ids == "text"):
            raise ValueError(
                "response_ids and receipt_ids are both text, or each is hex or decimal"
            )
        return self
