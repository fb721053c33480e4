"""Mails as people's programs write them."""

from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

CENTRE = "appeals@fund.example"
CITIZEN = "ivan@home.example"


def letter(
    text: str = "They did not give me my drugs.",
    *,
    sender: str = f"Ivan Petrov <{CITIZEN}>",
    subject: str = "No drugs",
    name: str | None = None,
    reply_to: str | None = None,
    files: tuple[tuple[str, str, bytes], ...] = (),
    **headers: Any,
) -> bytes:
    """A mail; `name` is its Message-ID, `reply_to` the one it answers."""
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = headers.pop("to", CENTRE)
    message["Subject"] = subject
    message["Date"] = "Mon, 02 Nov 2026 11:59:00 +0300"
    if name is not None:
        message["Message-ID"] = name
    if reply_to is not None:
        message["In-Reply-To"] = reply_to
    for header, value in headers.items():
        message[header.replace("_", "-")] = value
    message.set_content(text)
    for file, kind, content in files:
        main, _, sub = kind.partition("/")
        message.add_attachment(content, maintype=main, subtype=sub, filename=file)
    return message.as_bytes()
