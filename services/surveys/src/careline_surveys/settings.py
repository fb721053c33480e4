"""Settings of the surveys service, over those that every service has."""

from pydantic import Field, SecretStr

from careline_common.settings import ServiceSettings


class SurveysSettings(ServiceSettings):
    migrate_on_start: bool = Field(
        default=True, description="bring the database to this version when the service starts"
    )
    sms_deadline_s: float = Field(
        default=10.0, gt=0, description="a provider that is silent so long has an unknown outcome"
    )
    sms_lease_s: float = Field(
        default=60.0,
        gt=0,
        description="a message in hand for so long was left behind by a crash: unknown, never again",
    )
    sms_window: int = Field(default=16, ge=1, description="messages in hand at a time")
    sms_poll_s: float = Field(
        default=1.0, gt=0, description="pause of the sending loop when nothing wakes it"
    )
    contact_keep_days: int = Field(
        default=1096,
        ge=60,
        description="how long calls are counted for first contact resolved; without their callers",
    )
    surveys_gather_s: float = Field(
        default=0.5,
        ge=0,
        description="so long a call that ended waits for others, to be asked about together",
    )
    surveys_public_url: str = Field(
        default="",
        description="base of the links in messages, for patients and providers; "
        "empty: that of CARELINE_SURVEYS_URL",
    )
    link_key: SecretStr = Field(
        default=SecretStr(""),
        description="key that signs the links of web forms; empty: the key of personal data",
    )

    @property
    def public_url(self) -> str:
        """Where patients and providers reach surveys."""
        return self.surveys_public_url or self.surveys_url
