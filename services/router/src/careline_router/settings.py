"""Settings of the router, over those that every service has."""

from pydantic import Field

from careline_common.settings import ServiceSettings


class RouterSettings(ServiceSettings):
    migrate_on_start: bool = Field(
        default=True, description="bring the schema to this version at start, else only check it"
    )
    agent_message_keep_s: float = Field(
        default=3600.0, gt=0, description="how long an agent's messages can be asked for again"
    )
    journal_keep_days: float = Field(
        default=30.0,
        gt=0,
        description="how long the floor's journal is kept: so far back a day can be played again;"
        " what has configured the floor is kept for good",
    )
    decision_keep_days: float = Field(
        default=90.0,
        gt=0,
        description="how long it can be asked why an offer was made as it was,"
        " and which way a caller took through self-service",
    )
