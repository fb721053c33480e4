"""What clients send about flows, and what they are shown of them."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from careline_common.config.models import ZoneName
from careline_router.api.schemas import Body, Moment
from careline_router.domain.words import LineState, Payer
from careline_router.ports import Appeals, CrmProfile, Surges
from careline_router.usecases.flow_trials import NOBODY, TriedCall
from careline_router.usecases.flows import Draft, FlowState, Version

Word = Annotated[str, Field(max_length=200)]
Keys = Annotated[str, Field(max_length=64, pattern=r"^[0-9*#]*$")]
Count = Annotated[int, Field(ge=0)]
Counts = Annotated[dict[Word, Count], Field(max_length=200)]
Words = Annotated[list[Word], Field(max_length=20)]


class DryRunCrm(Body):
    """What the CRM is taken to say of the caller."""

    status: Literal["found", "unknown", "timed_out", "failed"] = "found"
    payer: Payer = "unknown"
    insurance: Word | None = None
    insurer: Word | None = None
    policy_state: Word | None = None
    vip: bool = False
    language: Word | None = None
    dialect: Word | None = None
    needs: Words = Field(default_factory=list)
    last_agent: Word | None = None
    owner: Word | None = None
    birth_date: date | None = None
    policy_number: Word | None = None
    records: Word | None = None


class DryRunAppeals(Body):
    """How many of his appeals are open, and how the last stands."""

    open: Count = 0
    last: Word | None = None


class DryRunSurges(Body):
    """How many surges of appeals are open, and how many of them about each id."""

    open: Count = 0
    organisations: Counts = Field(default_factory=dict)
    subjects: Counts = Field(default_factory=dict)
    territories: Counts = Field(default_factory=dict)


class DryRunCall(Body):
    """A call that is made up. Without `line` it comes to the first of the flow, without `at` now, without
    `calendar` as the line's calendar says; `draft` is the number of the draft to try, `keys` are what he presses, once for each question ("" is
    silence)."""

    draft: int | None = None
    line: Word | None = None
    language: Word | None = None
    at: Moment | None = None
    calendar: LineState | None = None
    crm: DryRunCrm | None = None
    ivr: Mapping[str, Any] = Field(default_factory=dict)
    load: Mapping[str, Mapping[str, int]] = Field(default_factory=dict)
    keys: Annotated[list[Keys], Field(max_length=50)] = Field(default_factory=list)
    appeals: DryRunAppeals = Field(default_factory=DryRunAppeals)
    surge: DryRunSurges = Field(default_factory=DryRunSurges)

    def tried(self) -> TriedCall:
        profile = NOBODY
        if self.crm is not None:
            said = self.crm.model_dump()
            profile = CrmProfile(**{**said, "needs": tuple(said["needs"])})
        return TriedCall(
            line=self.line,
            language=self.language,
            at=self.at,
            opening=self.calendar,
            profile=profile,
            ivr=self.ivr,
            load=self.load,
            keys=self.keys,
            appeals=Appeals(open=self.appeals.open, last=self.appeals.last),
            surges=Surges(**self.surge.model_dump()),
        )


class SimulationOrder(Body):
    """Which day; yesterday in `zone` when none is named. Without `policies` the floor's own."""

    draft: int | None = None
    day: date | None = None
    zone: ZoneName = "UTC"
    policies: Words = Field(default_factory=list)


class PublishOrder(Body):
    """`waiting`: whether who waits by this flow keeps his queue, or is sent where it sends him now."""

    draft: int | None = None
    waiting: Literal["keep", "reroute"] = "keep"


class RollbackOrder(Body):
    """`waiting` as when publishing."""

    version: int | None = None
    waiting: Literal["keep", "reroute"] = "keep"


class DraftView(BaseModel):
    number: int
    based_on: int
    by: str
    at: datetime
    document: Mapping[str, Any]

    @classmethod
    def of(cls, draft: Draft) -> "DraftView":
        return cls(
            number=draft.number,
            based_on=draft.based_on,
            by=draft.by,
            at=draft.at,
            document=draft.document,
        )


class VersionView(BaseModel):
    """`how`: apply, publish or rollback; then `restores` is the version that came back."""

    version: int
    how: str
    draft: int | None
    restores: int | None
    by: str
    at: datetime

    @classmethod
    def of(cls, version: Version) -> "VersionView":
        return cls(
            version=version.version,
            how=version.how,
            draft=version.draft,
            restores=version.restores,
            by=version.by,
            at=version.at,
        )


class FlowInForce(BaseModel):
    id: str
    version: int


class FlowView(BaseModel):
    """`version` is in force (0: none is), `state` tells whether there is a draft that may be published."""

    id: str
    state: Literal["draft", "published"]
    version: int
    document: Mapping[str, Any] | None
    draft: DraftView | None
    history: list[VersionView]

    @classmethod
    def of(cls, state: FlowState) -> "FlowView":
        return cls(
            id=state.id,
            state="draft" if state.pending else "published",
            version=state.version,
            document=state.document,
            draft=None if state.draft is None else DraftView.of(state.draft),
            history=[VersionView.of(each) for each in state.history],
        )
