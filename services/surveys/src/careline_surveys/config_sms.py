"""The `sms` section: providers of messages."""

from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, StringConstraints, model_validator

from careline_common.config import ConfigModel, HttpAddress, Id, WebhookSecret
from careline_surveys.config_sms_map import MapEntry

Octets20 = Annotated[str, StringConstraints(max_length=20, pattern=r"^[\x21-\x7e]*$")]
"""An address of SMPP: ASCII, at most 20 octets (5.2.8)."""

COMMON = {"id", "kind", "price", "position", "least_delivered_pct", "receipts_within_s"}
HTTP = {"url", "window", "per_second"}
CALLED = HTTP | {"key", "callback_secret", "source"}
SMPP = {
    "host", "port", "system_id", "password", "system_type", "bind", "source", "source_ton", "source_npi",
    "destination_ton", "destination_npi", "window", "per_second", "enquire_link_s",
    "response_timeout_s", "failover_s", "validity_s", "response_ids", "receipt_ids", "alphabet",
    "long_messages",
}  # fmt: skip
OWN: dict[str, set[str]] = {
    "console": set(),
    "generic": HTTP | {"secret"},
    "smpp": SMPP,
    "kavenegar": CALLED,
    "smsc_ru": CALLED | {"account"},
    "twilio": CALLED - {"callback_secret"} | {"account", "messaging_service"},
    "aliyun": CALLED - {"source"} | {"account", "sign_name", "template", "template_variable"},
    "http": CALLED | {"map"},
}
"""The settings of each kind, beside those that all have."""
NEEDED: dict[str, tuple[str, ...]] = {
    "console": (),
    "generic": ("url", "secret"),
    "smpp": ("host", "port", "system_id"),
    "kavenegar": ("key",),
    "smsc_ru": ("key",),
    "twilio": ("account", "key"),
    "aliyun": ("account", "key", "sign_name", "template"),
    "http": ("url", "map"),
}


class SmsEntry(ConfigModel):
    """A provider of messages. `price` is of one segment; `position` comes from the file's order.

    Everything from `host` on is of kind `smpp`; times are in seconds. `OWN` says what is whose.
    """

    id: Id
    kind: Literal["console", "generic", "smpp", "kavenegar", "smsc_ru", "twilio", "aliyun", "http"]
    price: float | None = Field(default=None, ge=0)
    position: int = 0

    url: HttpAddress | None = None
    secret: WebhookSecret | None = None

    least_delivered_pct: float = Field(default=50.0, ge=0, le=100)
    receipts_within_s: float = Field(default=600.0, gt=0, le=7 * 86_400)

    account: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    key: SecretStr | None = Field(default=None, min_length=1, max_length=500)
    callback_secret: SecretStr | None = Field(default=None, min_length=16, max_length=200)
    messaging_service: Annotated[str, StringConstraints(pattern=r"^MG\w{8,40}$")] | None = None
    sign_name: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None
    template: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None
    template_variable: Annotated[str, StringConstraints(pattern=r"^\w{1,50}$")] = "text"
    map: MapEntry | None = None

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
        foreign = sorted(self.model_fields_set - COMMON - OWN[self.kind])
        if foreign:
            raise ValueError(f"kind {self.kind} has no {', '.join(foreign)}")
        return self

    @model_validator(mode="after")
    def _check_sender(self) -> Self:
        if self.kind == "twilio" and bool(self.source) == (self.messaging_service is not None):
            raise ValueError("kind twilio needs source or messaging_service, and not both")
        return self

    @model_validator(mode="after")
    def _check_proof(self) -> Self:
        told = self.map is not None and (self.map.status or self.map.inbound)
        if told and self.callback_secret is None:
            raise ValueError("map has callbacks: they need a callback_secret")
        return self

    @model_validator(mode="after")
    def _check_ids(self) -> Self:
        if (self.response_ids == "text") != (self.receipt_ids == "text"):
            raise ValueError(
                "response_ids and receipt_ids are both text, or each is hex or decimal"
            )
        return self
