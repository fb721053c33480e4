"""The section `crm` of the configuration: where callers are looked up, and how patiently."""

import re
import ssl
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self, get_args
from urllib.parse import urlsplit

import phonenumbers
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_core.core_schema import ValidationInfo

from careline_common.config.models import ConfigModel, HttpAddress
from careline_router.adapters.crm_fields import LONGEST_TEXT, CrmField, Target
from careline_router.adapters.crm_spelling import USUAL, check_spelling
from careline_router.domain.words import Payer
from careline_router.look_up_config import LookUpBounds

PHONES = ("mobilephone", "telephone1", "telephone2", "address1_telephone1")
PAYERS = frozenset(get_args(Payer))
SPELLINGS = (*USUAL, "+{cc} (###) ###-##-##")
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
JSON_PATH = r"^\$(\.[A-Za-z_][\w-]*|\[\d+\])*$"
_COLUMN = r"^[A-Za-z_][A-Za-z0-9_]*$"
_OF_KIND: dict[str, tuple[str, ...]] = {
    "none": (),
    "http": ("token", "contacts", "spelling"),
    "dataverse": (
        "tenant",
        "token_url",
        "client_id",
        "client_secret",
        "scope",
        "version",
        "table",
        "phones",
        "spellings",
        "filter",
    ),
}
_NEEDED: dict[str, tuple[str, ...]] = {
    "none": (),
    "http": ("url",),
    "dataverse": ("url", "client_id", "client_secret"),
}


def _region(code: str) -> str:
    if code not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError(f"no region {code!r}: give two capital letters such as RU")
    return code


def _plain_address(url: str) -> str:
    if "@" in urlsplit(url).netloc:
        raise ValueError("no user and no password in an address")
    return url


def login_address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise ValueError("a secret goes there: give an address beginning with https://")
    return url


def word_of_a_header(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if not text or not text.isascii() or not text.isprintable():
        raise ValueError("give printable ASCII characters, for it is sent in a header")
    return secret


def trusted_ca(pem: SecretStr) -> SecretStr:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem.get_secret_value())
    except (ssl.SSLError, ValueError):
        raise ValueError("no certificate in PEM") from None
    return pem


Address = Annotated[HttpAddress, AfterValidator(_plain_address)]
Spelling = Annotated[str, AfterValidator(check_spelling)]
Column = Annotated[str, Field(pattern=_COLUMN, max_length=128)]
Word = Annotated[str, Field(max_length=LONGEST_TEXT)]


def in_full(value: Any) -> Any:
    """A field may be given as its path alone."""
    return {"field": value} if isinstance(value, str) else value


def _as_words(values: Any) -> Any:
    """A truth may stand for its word: `values: {"100000001": true}`."""
    if not isinstance(values, Mapping):
        return values
    words = {True: "true", False: "false"}
    return {
        key: words[value] if isinstance(value, bool) else value for key, value in values.items()
    }


class CrmFieldEntry(ConfigModel):
    """Where a fact stands; `values` turns the CRM's values into our words."""

    field: Annotated[str, Field(min_length=1, max_length=200)]
    values: Annotated[dict[str, Word], BeforeValidator(_as_words), Field(max_length=500)] = Field(
        default_factory=dict
    )
    formatted: bool = False

    def mapped(self) -> CrmField:
        return CrmField(path=self.field, values=self.values, formatted=self.formatted)


class CrmEntry(LookUpBounds):
    """Where callers are looked up: at nobody's, at a plain HTTP CRM, at Microsoft Dataverse."""

    kind: Literal["http", "dataverse", "none"] = "none"
    url: Address | None = None
    ca: Annotated[SecretStr, AfterValidator(trusted_ca)] | None = None
    """Certificates in PEM of those who may vouch for the CRM and its login beside the system's."""
    region: Annotated[str, AfterValidator(_region)] = "RU"
    """Country (ISO 3166-1 alpha-2) of phones that the CRM has without a country code."""
    map: dict[Target, Annotated[CrmFieldEntry, BeforeValidator(in_full)]] = Field(
        default_factory=dict
    )

    deadline_ms: Annotated[int, Field(ge=10, le=10_000)] = 300
    give_up_ms: Annotated[int, Field(ge=10, le=60_000)] = 5_000

    token: Annotated[SecretStr, AfterValidator(word_of_a_header)] | None = None
    contacts: Annotated[str, Field(pattern=JSON_PATH)] = "$"
    spelling: Spelling = "e164"

    tenant: Annotated[str, Field(pattern=r"^[\w.-]{1,100}$")] | None = None
    token_url: Annotated[Address, AfterValidator(login_address)] | None = None
    client_id: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    client_secret: SecretStr | None = None
    scope: str | None = None
    version: Annotated[str, Field(pattern=r"^v\d+\.\d+$")] = "v9.2"
    table: Column = "contacts"
    phones: list[Column] = Field(default_factory=lambda: list(PHONES), min_length=1, max_length=8)
    spellings: list[Spelling] = Field(
        default_factory=lambda: list(SPELLINGS), min_length=1, max_length=12
    )
    filter: Annotated[str, Field(min_length=1, max_length=500)] | None = "statecode eq 0"

    @field_validator(*_OF_KIND["http"], *_OF_KIND["dataverse"])
    @classmethod
    def _fits_kind(cls, value: Any, info: ValidationInfo) -> Any:
        kind = info.data.get("kind")
        if kind is not None and info.field_name not in _OF_KIND[kind]:
            raise ValueError(f"a CRM of kind {kind} has no such setting")
        return value

    @field_validator("url")
    @classmethod
    def _url_fits_kind(cls, url: str | None, info: ValidationInfo) -> str | None:
        kind = info.data.get("kind")
        parts = urlsplit(url or "")
        if kind == "http" and url is not None and "{phone}" not in parts.path + parts.query:
            raise ValueError("a CRM of kind http needs {phone} in its url, before any #")
        if kind == "dataverse" and url is not None and (parts.query or "{" in url):
            raise ValueError(
                "give the environment's address, such as https://org.crm4.dynamics.com"
            )
        return url

    @model_validator(mode="after")
    def _complete(self) -> Self:
        missing = [name for name in _NEEDED[self.kind] if getattr(self, name) is None]
        if self.kind == "dataverse" and self.tenant is None and self.token_url is None:
            missing.append("tenant or token_url")
        if missing:
            raise ValueError(f"a CRM of kind {self.kind} needs {', '.join(missing)}")
        return self


def crm_faults(entry: CrmEntry) -> Iterator[tuple[str, str]]:
    """What of `map` does not fit the kind of CRM, as path and reason."""
    if entry.kind != "none" and not entry.map:
        yield "map", "map at least one field, such as payer"
    payer = entry.map.get("payer")
    if payer is not None and not {word.lower() for word in payer.values.values()} <= PAYERS:
        yield "map.payer.values", "a payer is cash, insured or unknown"
    for name, field in entry.map.items():
        if entry.kind == "http" and not re.fullmatch(JSON_PATH, field.field):
            yield f"map.{name}", "give a path such as $.policy.payer"
        if entry.kind == "dataverse" and not re.fullmatch(_COLUMN, field.field):
            yield f"map.{name}", "give a column such as new_payer or _new_insurer_value"
        if entry.kind == "http" and field.formatted:
            yield f"map.{name}.formatted", "only Dataverse has formatted values"
