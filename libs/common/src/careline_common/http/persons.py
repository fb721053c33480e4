"""What every service is asked about a person, and how it says what it keeps of him."""

from datetime import datetime
from typing import Annotated

from fastapi import Depends
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from careline_common.http.auth import Principal, require
from careline_common.phones import parse_phone

Keeper = Annotated[Principal, Depends(require("admin", "contact_admin", "service"))]
"""May give a person his data, and erase it."""


def _e164(text: str) -> str:
    return parse_phone(text, None)


class PersonBody(BaseModel):
    """The number stands in the body: it is to be in no URL and no log of addresses."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    phone: Annotated[str, Field(max_length=64), AfterValidator(_e164)]


class Kept(BaseModel):
    """Something that outlives the erasure. `until` None: it names nobody, or no date is known."""

    what: str
    why: str
    until: datetime | None = None
