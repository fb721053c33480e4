"""Versions of things on the wire: ETag out, If-Match in.

response.headers["ETag"] = etag(ticket.version)
…
if_match(request).check(ticket.version)     # 428 without If-Match, 412 when it is lost
"""

import re
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from careline_common.http.problem import (
    MalformedRequest,
    PreconditionFailed,
    PreconditionRequired,
)

_TAG = re.compile(r'(?:W/)?"(?:(\d{1,18})|[\x21\x23-\x7e\x80-\xff]*)"')
"""RFC 9110, 8.8.3: a tag that is no version of ours is well written and matches nothing."""


def etag(version: int) -> str:
    return f'"{version}"'


@dataclass(frozen=True, slots=True)
class Match:
    """What an If-Match header accepts; `versions` None is `*`, any version of what exists."""

    versions: frozenset[int] | None

    def accepts(self, version: int) -> bool:
        return self.versions is None or version in self.versions

    def check(self, version: int) -> None:
        """Raises 412 unless the present version is one the client has seen."""
        if not self.accepts(version):
            raise PreconditionFailed(
                f"the present version is {etag(version)}: read it again",
                headers={"ETag": etag(version)},
            )


def optional_match(request: Request) -> Match | None:
    """The If-Match header, None when there is none; raises 400 when it cannot be read."""
    values = request.headers.getlist("if-match")
    if not values:
        return None
    header = ", ".join(values).strip()
    if header == "*":
        return Match(None)
    tags = [_TAG.fullmatch(tag.strip()) for tag in header.split(",")]
    versions = frozenset(int(tag[1]) for tag in tags if tag and tag[1])
    if not all(tags):
        raise MalformedRequest('If-Match takes the ETag as it was given, such as "7", or *')
    return Match(versions)


def if_match(request: Request) -> Match:
    """The If-Match header; raises 428 when there is none."""
    match = optional_match(request)
    if match is None:
        raise PreconditionRequired("send the ETag of the version you have seen as If-Match")
    return match


IfMatch = Annotated[Match, Depends(if_match)]
