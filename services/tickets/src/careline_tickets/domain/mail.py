"""What an e-mail is to the journal: which appeal it belongs to, and whether a program has written it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

TOKEN_SIGNS = 10
"""Of base 32: 50 bits that nobody has without the installation's key."""
LONGEST_SUBJECT = 200

_TOKEN = re.compile(
    rf"\[(T-\d{{4}}-\d{{6,}})\s*[-–]\s*([A-Z2-7]{{{TOKEN_SIGNS}}})\]", re.IGNORECASE
)
_TAG = re.compile(rf"\+(t-\d{{4}}-\d{{6,}})-([a-z2-7]{{{TOKEN_SIGNS}}})@", re.IGNORECASE)
_REPLY = re.compile(
    r"\s*((re|fw|fwd|aw|sv|отв|ответ|пересл|回复|答复|转发|پاسخ)(\[\d+\])?\s*[:：]\s*)+",
    re.IGNORECASE,
)
_BULK = frozenset({"bulk", "junk", "list", "auto_reply"})
_AUTOREPLY = ("x-autoreply", "x-autorespond", "x-auto-response-suppress")
_PROGRAMS_ALONE = frozenset({"auto-submitted", "null-return-path", "report", "own-address"})
_NOBODY = frozenset({"mailer-daemon", "postmaster", "noreply", "no-reply", "donotreply"})


@dataclass(frozen=True, slots=True, kw_only=True)
class MailFile:
    """A file that came with a mail: as its sender named and declared it, which nobody has checked."""

    name: str = field(repr=False)
    declared: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingMail:
    """A mail as it was read. All but `automatic` is the sender's, and may be anything.

    `sender` is the address in From, in lower case; None when there is none that can be answered.
    `automatic` says which mark of a program it carries, None when a person seems to have written it.
    """

    message_id: str | None = field(repr=False)
    references: tuple[str, ...] = field(default=(), repr=False)
    sender: str | None = field(repr=False)
    sender_name: str | None = field(default=None, repr=False)
    recipients: tuple[str, ...] = field(default=(), repr=False)
    subject: str = field(default="", repr=False)
    text: str = field(repr=False)
    date: datetime | None = None
    automatic: str | None = None
    files: tuple[MailFile, ...] = field(default=(), repr=False)
    cut: bool = False
    """Whether there was more text than is kept."""

    @property
    def whole_text(self) -> str:
        """Subject and text, as an appeal keeps them."""
        return "\n\n".join(part for part in (self.subject, self.text) if part)


@dataclass(frozen=True, slots=True)
class Token:
    """What a mail of ours carried and a reply brings back: an appeal's number, and its proof."""

    number: str
    proof: str


def automatic_because(headers: Mapping[str, str], own: Iterable[str]) -> str | None:
    """Why a mail is not to be answered by a program: RFC 3834 §2, and the marks older than it.

    `headers` are by name in lower case, with the sender's address as `from-address`. `own` are
    addresses of ours: what comes from them is a loop.
    """

    def said(name: str) -> str:
        return headers.get(name, "").strip().lower()

    sender = said("from-address")
    marks = {
        "auto-submitted": said("auto-submitted").split(";")[0].strip() not in {"", "no"},
        "null-return-path": said("return-path").replace(" ", "") == "<>",
        "precedence": said("precedence") in _BULK,
        "list": any(name.startswith("list-") for name in headers),
        "autoreply": any(said(name) not in {"", "no", "none"} for name in _AUTOREPLY),
        "report": said("content-type").startswith("multipart/report"),
        "own-address": sender in {each.lower() for each in own},
        "no-reply-address": sender.partition("@")[0] in _NOBODY,
    }
    return next((name for name, carried in marks.items() if carried), None)


def a_program_surely(mark: str) -> bool:
    """Whether no person can have written what carries this mark (`automatic_because`): a reply by itself, a
    bounce, a mail of our own. The others stand on people's mails too, as those of mailing lists and of Outlook."""
    return mark in _PROGRAMS_ALONE


def takes_no_answer(address: str, own: Iterable[str]) -> bool:
    """Whether nobody reads what is sent there, or we would write to ourselves."""
    lower = address.lower()
    return lower.partition("@")[0] in _NOBODY or lower in {each.lower() for each in own}


def tokens_in(mail: IncomingMail) -> tuple[Token, ...]:
    """What may be tokens of ours, in the address first: a subject is easily changed."""
    found = [_TAG.search(address) for address in mail.recipients]
    found.append(_TOKEN.search(mail.subject))
    return tuple(Token(one[1].upper(), one[2].upper()) for one in found if one is not None)


def subject_with(token: Token, subject: str) -> str:
    """The subject of a mail about an appeal: what was written, once, and the token."""
    bare = _REPLY.sub("", _TOKEN.sub("", subject), count=1).strip()[:LONGEST_SUBJECT]
    mark = f"[{token.number}-{token.proof}]"
    return f"Re: {bare} {mark}" if bare else mark


def tagged(address: str, token: Token) -> str:
    """An address of ours with the token in it (RFC 5233): replies to it find their appeal."""
    local, _, host = address.rpartition("@")
    return f"{local}+{token.number.lower()}-{token.proof.lower()}@{host}"
