"""Where a partner keeps the recordings of the talks that his records are about."""

import ipaddress
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from careline_common.config import ConfigModel
from careline_common.config.models import check_address
from careline_ingest.config_remote import LOOPBACK, Host

PLACES = ("{external_id}", "{recording}")


def _template(url: str) -> str:
    check_address(url, {"http", "https"})
    parts = urlsplit(url)
    if "@" in parts.netloc or "{" in parts.netloc:
        raise ValueError("no login and no place in the host: the source's own login is used")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise ValueError("give an address beginning with https://")
    rest = parts.path + parts.query
    if not any(place in rest for place in PLACES):
        raise ValueError(f"say where the name of a recording stands: {' or '.join(PLACES)}")
    for place in PLACES:
        rest = rest.replace(place, "")
    if "{" in rest or "}" in rest:
        raise ValueError(f"there are no places but {' and '.join(PLACES)}")
    return url


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        raise ValueError(f"{text!r} is no network such as 10.20.0.0/16") from None


class Recordings(ConfigModel):
    """`url` has `{recording}`, what the record says of its recording, or `{external_id}` in it. A record that says a
    whole address is believed where its host is this one's or among `hosts`.

    Nothing is fetched from an address that is not public, unless it lies in `networks`: a partner over a private line.
    """

    url: Annotated[str, AfterValidator(_template)]
    hosts: list[Host] = Field(default_factory=list)
    networks: list[Annotated[str, AfterValidator(_network)]] = Field(default_factory=list)
    max_bytes: Annotated[int, Field(ge=1)] = 200_000_000
    deadline_s: Annotated[float, Field(gt=0, le=3600)] = 600.0
    """How long one fetch may take in all."""

    @model_validator(mode="after")
    def _own_host_is_known(self) -> Self:
        if urlsplit(self.url).hostname in self.hosts:
            raise ValueError("hosts: the address's own host need not be named")
        return self
