"""Mail out over SMTP (RFC 5321), by the standard library's client in a thread.

What is surely not taken may be tried again; once the last dot is on its way without an answer, nobody
can say (RFC 1047), and it is said so.
"""

import asyncio
import re
import smtplib
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from careline_common.clock import Clock
from careline_tickets.adapters.mail.imap import MailServer
from careline_tickets.ports import MailOutcome, MailSent, OutgoingMail

TIMEOUT_S = 60.0
_DOT = re.compile(rb"(?m)^\.")


class SmtpSender:
    def __init__(self, server: MailServer, clock: Clock) -> None:
        self._server = server
        self._clock = clock

    async def send(self, mail: OutgoingMail) -> MailSent:
        """A connection a mail: answers to citizens are few, and a connection that was kept may be dead."""
        return await asyncio.to_thread(self._send, mail)

    def _send(self, mail: OutgoingMail) -> MailSent:
        try:
            body = written(mail, self._clock.now())
            mail.to.encode("ascii")
        except (ValueError, LookupError, AttributeError, TypeError):  # of an address that is none
            return MailSent(outcome="refused", reason="address")
        try:
            client = self._connected()
        except (OSError, smtplib.SMTPException) as error:
            return MailSent(outcome="not_taken", reason=type(error).__name__)
        try:
            return _handed_over(client, mail, body)
        finally:
            with suppress(OSError, smtplib.SMTPException):
                client.close()

    def _connected(self) -> smtplib.SMTP:
        server = self._server
        if server.tls == "implicit":
            client: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, timeout=TIMEOUT_S, context=server.context()
            )
        else:
            client = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_S)
        try:
            client.ehlo_or_helo_if_needed()
            if server.tls == "starttls":
                client.starttls(context=server.context())
            if server.user is not None:
                client.login(server.user, server.password or "")
        except BaseException:
            client.close()
            raise
        return client


def _handed_over(client: smtplib.SMTP, mail: OutgoingMail, body: bytes) -> MailSent:
    try:
        steps: tuple[Callable[[], tuple[int, bytes]], ...] = (
            lambda: client.mail(mail.envelope_from),
            lambda: client.rcpt(mail.to),
            lambda: client.docmd("DATA"),
        )
        for step in steps:
            code = step()[0]
            if not 200 <= code < 400:
                return MailSent(outcome=_meaning(code), reason=str(code))
    except (OSError, smtplib.SMTPException) as error:
        return MailSent(outcome="not_taken", reason=type(error).__name__)
    try:
        client.send(_DOT.sub(b"..", body) + b".\r\n")
        code = client.getreply()[0]
    except (OSError, smtplib.SMTPException) as error:
        return MailSent(outcome="unknown", reason=type(error).__name__)
    return MailSent(outcome=_meaning(code), reason=None if code == 250 else str(code))


def _meaning(code: int) -> MailOutcome:
    if 200 <= code < 300:
        return "sent"
    return "not_taken" if 400 <= code < 500 else "refused"


def written(mail: OutgoingMail, at: datetime) -> bytes:
    """The mail as it goes over the wire, with the marks by which other programs do not answer it."""
    message = EmailMessage(policy=SMTP)
    message["Date"] = format_datetime(at)
    message["From"] = mail.sender
    message["To"] = mail.to
    message["Subject"] = " ".join(mail.subject.split())
    message["Message-ID"] = mail.message_id
    if mail.reply_to is not None:
        message["Reply-To"] = mail.reply_to
    if mail.references:
        message["In-Reply-To"] = mail.references[0]
        message["References"] = " ".join(reversed(mail.references))
    message["Auto-Submitted"] = "auto-replied" if mail.automatic else "no"
    if mail.automatic:
        message["X-Auto-Response-Suppress"] = "All"
    message.set_content(mail.text, cte="base64")
    return message.as_bytes()
