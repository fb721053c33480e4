"""Definitions as invitations began with them."""

from sqlalchemy.ext.asyncio import AsyncConnection

from careline_surveys.book import definition_from_body
from careline_surveys.db import invitations
from careline_surveys.domain.definitions import Definition
from careline_surveys.domain.invitations import Invitation

REMEMBERED = 500


class Versions:
    """Reads each version once; a version never changes."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], Definition] = {}

    async def of(self, connection: AsyncConnection, invitation: Invitation) -> Definition:
        key = (invitation.survey, invitation.survey_version)
        known = self._known.get(key)
        if known is None:
            known = definition_from_body(await invitations.version_body(connection, *key))
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[key] = known
        return known
