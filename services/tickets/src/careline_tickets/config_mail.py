"""The configuration's `mailboxes`: addresses of the centre at which appeals come in and answers go out."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, StringConstraints, model_validator

from careline_common.config import ConfigModel, Configuration, Fault, Id
from careline_tickets.adapters.mail.imap import MailServer
from careline_tickets.domain.vocabulary import Kind

MIB = 1 << 20
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")


def _address(text: str) -> str:
    if not _ADDRESS.fullmatch(text):
        raise ValueError("no mail address such as appeals@fund.example, without a + in it")
    return text.lower()


Address = Annotated[str, StringConstraints(max_length=254), AfterValidator(_address)]
Folder = Annotated[str, StringConstraints(pattern=r"^[\x20-\x7e]+$", max_length=200)]
Tls = Literal["implicit", "starttls", "none"]


class _Server(ConfigModel):
    host: Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=r"^[^\s/@]+$")]
    ca_file: str | None = None
    """Authorities that are trusted for this server; without it those of the system."""

    def server(
        self, port: int, tls: str, user: str | None, password: SecretStr | None
    ) -> MailServer:
        return MailServer(
            host=self.host,
            port=port,
            tls=tls,
            user=user,
            password=None if password is None else password.get_secret_value(),
            ca_file=self.ca_file,
        )


class ImapEntry(_Server):
    """Where mail comes in. What was taken is moved from `folder` to `done`."""

    port: Annotated[int, Field(ge=1, le=65535)] = 993
    tls: Tls = "implicit"
    user: str
    password: SecretStr
    folder: Folder = "INBOX"
    done: Folder = "Careline"
    poll_s: Annotated[float, Field(gt=0, le=3600)] = 30

    @model_validator(mode="after")
    def _two_folders(self) -> Self:
        if self.folder == self.done:
            raise ValueError("done must be another folder than folder")
        return self

    @property
    def mail_server(self) -> MailServer:
        return self.server(self.port, self.tls, self.user, self.password)


class SmtpEntry(_Server):
    """Where mail goes out; without a user it is one that needs none."""

    port: Annotated[int, Field(ge=1, le=65535)] = 587
    tls: Tls = "starttls"
    user: str | None = None
    password: SecretStr | None = None

    @property
    def mail_server(self) -> MailServer:
        return self.server(self.port, self.tls, self.user, self.password)


class MailboxEntry(ConfigModel):
    """`kind`, `subject` and the like are those of the appeals that come in here. With `tagged` the server
    is known to deliver address+anything@host, and replies find their appeal by the address too."""

    id: Id
    address: Address
    name: Annotated[str, StringConstraints(max_length=100, pattern=r"^[^\r\n<>\"\x00]*$")] = ""
    imap: ImapEntry | None = None
    smtp: SmtpEntry | None = None
    kind: Kind = Kind.COMPLAINT
    subject: Id | None = None
    territory: Id | None = None
    organisation: Id | None = None
    language: Literal["en", "ru", "fa", "zh"] | None = None
    """In which citizens are written to; without it in that of their mail."""
    tagged: bool = False
    acknowledge: bool = True
    max_bytes: Annotated[int, Field(ge=10_000, le=100 * MIB)] = 20 * MIB


def check_mailboxes(configuration: Configuration) -> Iterator[Fault]:
    """What an entry names must be there; two may not have one address."""
    seen: dict[str, str] = {}
    for name, box in configuration.all("mailboxes", MailboxEntry).items():
        other = seen.setdefault(box.address, name)
        if other != name:
            yield Fault("mailboxes", name, "address", f"is that of {other!r} too")
        for section, path, named in (
            ("subjects", "subject", box.subject),
            ("territories", "territory", box.territory),
            ("organisations", "organisation", box.organisation),
        ):
            if named is not None and not configuration.has(section, named):
                reason = f"there is no such entry in {section}: {named!r}"
                yield Fault("mailboxes", name, path, reason)
