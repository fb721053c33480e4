"""Comments of patients over the HTTP API of surveys."""

from collections.abc import Sequence
from urllib.parse import quote

import httpx
from pydantic import BaseModel, Field

from careline_tickets.ports import Comment


class _Words(BaseModel):
    """`question` is missing where something was written beside the questions."""

    question: str = "beside"
    text: str | None = Field(default=None, repr=False)


class _Invitation(BaseModel):
    answers: list[_Words] = Field(default_factory=list)
    comments: list[_Words] = Field(default_factory=list)


class SurveyComments:
    """`client` has the base URL of surveys and shows the service's token."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def of(self, invitation_id: str) -> Sequence[Comment]:
        answer = await self._client.get(f"v1/invitations/{quote(invitation_id, safe='')}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return ()
        answer.raise_for_status()
        found = _Invitation.model_validate_json(answer.content)
        return [
            Comment(question=one.question, text=one.text)
            for one in (*found.answers, *found.comments)
            if one.text and not one.text.strip().isdecimal()  # a bare score is told by its event
        ]
