"""What calls have come to, as reports: appointments, and whether they were resolved."""

from datetime import datetime, timedelta

from careline_router.conversion_report import ConversionRow, conversion_rows
from careline_router.db import conversions, first_contacts
from careline_router.first_contact_report import FirstContactRow, first_contact_rows
from careline_router.usecases.parts import UseCases
from careline_router.views import Viewer


class Outcomes(UseCases):
    async def conversion(
        self, viewer: Viewer, by: conversions.By, since: datetime, until: datetime
    ) -> list[ConversionRow]:
        """Of the calls that agents had and that ended in a time, how many came to an appointment."""
        return await conversion_rows(self._database, viewer, by, since, until)

    async def first_contacts(
        self,
        viewer: Viewer,
        by: first_contacts.By,
        since: datetime,
        until: datetime,
        *,
        within: timedelta,
    ) -> list[FirstContactRow]:
        """Of the calls that were wrapped up and ended in a time, how many were resolved at first contact."""
        return await first_contact_rows(self._database, viewer, by, since, until, within=within)
