"""The use cases of surveys, each in the caller's transaction."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from careline_common.clock import Clock
from careline_common.config import Configuration
from careline_common.db.engine import Database
from careline_common.db.unit_of_work import UnitOfWork
from careline_common.http.problem import Conflict, InvalidInput
from careline_common.ids import Ids
from careline_common.observability.pii import PiiHasher
from careline_surveys.adapters.phones import read_number
from careline_surveys.adapters.providers import Providers
from careline_surveys.adapters.smpp.provider import SmppProvider
from careline_surveys.answering import Answering
from careline_surveys.book import Book, Survey
from careline_surveys.config_sms import SmsEntry
from careline_surveys.db import answers, invitations
from careline_surveys.db.people import OptOut, People
from careline_surveys.db.turns import turn
from careline_surveys.domain.definitions import for_request
from careline_surveys.domain.invitations import Answer, Invitation
from careline_surveys.erasing import Erasing
from careline_surveys.following import Following
from careline_surveys.handover import Outcomes
from careline_surveys.incoming import IncomingSms
from careline_surveys.inviting import Inviting, Links, Request
from careline_surveys.metrics import SurveysMetrics
from careline_surveys.notices import Notices
from careline_surveys.receipting import Receipts
from careline_surveys.replying import Replying
from careline_surveys.sender import Sender
from careline_surveys.senders import Senders
from careline_surveys.settings import SurveysSettings
from careline_surveys.versions import Versions
from careline_surveys.voicing import Voicing


def links_of(settings: SurveysSettings) -> Links:
    key = settings.link_key.get_secret_value() or settings.pii_key.get_secret_value()
    return Links(settings.public_url, key.encode() or secrets.token_bytes(32))


class SurveysService:
    """Puts the parts together and keeps the applied configuration at hand."""

    def __init__(
        self,
        *,
        database: Database,
        metrics: SurveysMetrics,
        settings: SurveysSettings,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self.book = Book(Configuration())
        self.clock = clock
        hasher = PiiHasher(settings.pii_key)
        self.people = People(hasher, ids)
        self.versions = Versions()
        self.links = links_of(settings)
        self.providers = Providers(
            clock=clock,
            deadline_s=settings.sms_deadline_s,
            window=settings.sms_window,
            public_url=settings.public_url,
            new_smpp=self._new_smpp,
        )
        self.receipts = Receipts(self.people, metrics)
        self.outcomes = Outcomes(self.versions, self.receipts, metrics)
        self.sender = Sender(
            database=database,
            book=lambda: self.book,
            providers=self.providers,
            versions=self.versions,
            outcomes=self.outcomes,
            metrics=metrics,
            clock=clock,
            settings=settings,
        )
        wake = self.sender.wake
        self.answering = Answering(self.people, self.links, metrics, wake)
        senders = Senders(self.people, lambda: self.book.regions)
        self.replying = Replying(self.people, senders, self.versions, self.answering, metrics)
        self._incoming = IncomingSms(
            database=database,
            people=self.people,
            senders=senders,
            hasher=hasher,
            receipts=self.receipts,
            outcomes=self.outcomes,
            replying=self.replying,
            wake=wake,
        )
        self.database = database
        self._metrics = metrics
        self.notices = Notices(self.people, metrics, lambda: self.book)
        self._inviting = Inviting(self.people, self.links, metrics, wake)
        self.voicing = Voicing(self.versions, self.answering)
        self.erasing = Erasing(self.people, metrics)
        self.following = Following(self.people, self._inviting, lambda: self.book)

    def _new_smpp(self, entry: SmsEntry) -> SmppProvider:
        return SmppProvider(
            entry,
            incoming=self._incoming,
            turns=lambda name: turn(self.database, name),
            is_bound=lambda is_so: self._metrics.bound.labels(entry.id).set(float(is_so)),
        )

    async def look_for_gaps(self) -> None:
        """Until cancelled: takes replies that will not become whole any more."""
        await self._incoming.look_for_gaps()

    async def configure(self, configuration: Configuration) -> None:
        """Follows an applied configuration."""
        self.book = Book(configuration)
        self.providers.configure(self.book)
        self.sender.wake()

    async def invite(self, uow: UnitOfWork, key: str, request: Request) -> Invitation:
        """Invites to the survey with this key, which is in the book."""
        survey = self.book.survey(key)
        assert survey is not None
        return await self._inviting.invite(uow, self.book, survey, request)

    async def invite_several(self, uow: UnitOfWork, wanted: Sequence[tuple[str, Request]]) -> None:
        """`invite` for many at once. Raises when one of them was asked for elsewhere meanwhile."""
        asked = [(survey, request) for key, request in wanted if (survey := self.book.survey(key))]
        await self._inviting.invite_several(uow, self.book, asked)

    async def requested(self, uow: UnitOfWork, key: str | None, request: Request) -> Invitation:
        """The invitation that somebody outside asks for; for a known reference the one there is.

        Raises 422 for a survey that is not configured, 409 when none fits the kind of service.
        """
        known = await invitations.by_reference(uow.connection, request.reference, key)
        if known is not None:
            return known
        return await self._inviting.invite(
            uow, self.book, self._survey_for(key, request.service), request
        )

    def _survey_for(self, key: str | None, service: str) -> Survey:
        keys = [definition.key for definition in self.book.definitions]
        if key is not None:
            survey = self.book.survey(key)
            if survey is None:
                raise InvalidInput(
                    f"there is no survey {key!r}",
                    type="unknown-survey",
                    allowed=keys,
                    errors=[{"path": "survey", "reason": "not configured"}],
                )
            return survey
        definition = for_request(self.book.definitions, service)
        if definition is None:
            raise Conflict(
                f"no survey is configured for {service}: name one", type="no-survey", allowed=keys
            )
        found = self.book.survey(definition.key)
        assert found is not None
        return found

    async def shown(
        self, connection: AsyncConnection, found: Sequence[Invitation]
    ) -> Sequence[tuple[Invitation, Sequence[Answer]]]:
        """Invitations with their answers."""
        given: Mapping[str, Sequence[Answer]] = await answers.of_invitations(
            connection, [invitation.id for invitation in found]
        )
        return [(invitation, given.get(invitation.id, ())) for invitation in found]

    async def opt_out(
        self, uow: UnitOfWork, phone: str, source: str, at: datetime | None = None
    ) -> OptOut:
        """Notes that a person wants no surveys, said at `at`, else now; the first time stands.

        Raises ValueError for what is no phone.
        """
        number = read_number(phone).e164
        now = uow.clock.now()
        person_id = await self.people.locked(uow.connection, number, now)
        await self.answering.opt_out(uow, number=number, person_id=person_id, source=source, at=at)
        return await self.people.opt_out_of(uow.connection, number, person_id)

    async def opt_in(self, uow: UnitOfWork, phone: str) -> bool:
        """Takes an opt-out back; False when there was none. Raises ValueError."""
        return await self.people.opt_in(uow.connection, read_number(phone).e164)
