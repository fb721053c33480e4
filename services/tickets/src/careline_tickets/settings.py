"""Settings of the journal."""

from pathlib import Path

from pydantic import Field

from careline_common.settings import ServiceSettings


class TicketsSettings(ServiceSettings):
    migrate_on_start: bool = Field(
        default=True, description="bring the schema to this version at start, else only check it"
    )
    phone_region: str = Field(
        default="RU",
        pattern="^[A-Z]{2}$",
        description="country of phone numbers that are written without a country code",
    )
    recording_hosts: str = Field(
        default="127.0.0.1,localhost",
        description="hosts from which recordings are fetched, with commas between them",
    )
    track_per_minute: int = Field(
        default=30, ge=1, description="questions by tracking code that an address may ask a minute"
    )
    form_per_minute: int = Field(
        default=5, ge=1, description="appeals by the public form that an address may send a minute"
    )
    mail_look_s: float = Field(
        default=1.0,
        gt=0,
        description="how often it is seen which mailboxes are due, and which mails are to be sent",
    )
    scanner: str | None = Field(
        default=None,
        pattern=r"^(/.+|[^/\s]+:[0-9]+)$",
        description="ClamAV's clamd that scans attachments, as host:port or the path of its socket; without "
        "it files are kept and given to nobody",
    )
    keys_file: Path | None = Field(
        default=None,
        description="keys that seal attachments and held mail (careline keys rotate); none: they are not sealed",
    )
    attachment_max_bytes: int = Field(
        default=10 << 20, ge=1, le=100 << 20, description="bytes of the largest attachment"
    )
