"""A mail's bytes as what the journal works with (RFC 5322, MIME by RFC 2045 to 2049).

Mail comes from anywhere: wrong headers, unknown charsets and broken parts are read as far as they go,
and never raise.
"""

import codecs
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from email import policy
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from email.utils import getaddresses, parsedate_to_datetime

from careline_tickets.adapters.mail.html_text import text_of_html
from careline_tickets.domain.mail import IncomingMail, MailFile, automatic_because

LONGEST_TEXT = 200_000
"""Signs of text that an appeal keeps of one mail."""
MOST_PARTS = 200
MOST_REFERENCES = 50
CHARSETS = {
    "gb2312": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030", "euc-cn": "gb18030",
    "ks_c_5601-1987": "cp949", "iso-2022-jp": "iso2022_jp_ext", "unicode-1-1-utf-7": "utf-7",
    "x-mac-cyrillic": "mac_cyrillic", "cp-1251": "cp1251", "win-1251": "cp1251",
}  # fmt: skip
"""What senders call charsets, where Python calls them otherwise or knows a larger one."""
FALLBACKS = ("utf-8", "cp1251")
BROKEN = (LookupError, TypeError, ValueError)
"""What the standard library raises at headers with parameters that are none (RFC 2231)."""
NO_CHARSETS = frozenset(
    {"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "mbcs", "oem"}
)
"""What Python takes for charsets and no mail is written in: they raise, or take minutes for a megabyte."""

_ID = re.compile(r"<[^<>\s\x00-\x1f\x7f]{1,500}>")
_ESCAPED = re.compile(r"\\u([0-9a-f]{4})|\\U(000[0-9a-f]{5}|0010[0-9a-f]{4})")
"""As raw-unicode-escape writes what Latin 1 lacks; a backslash before anything else is a backslash."""
_ADDRESS = re.compile(r"[^@\s<>\x00-\x1f\x7f]{1,100}@[^@\s<>\x00-\x1f\x7f]{1,200}")
_UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def read_mail(raw: bytes, own: Iterable[str] = ()) -> IncomingMail:
    """The mail. `own` are our addresses, from which mail is a loop."""
    message = _parsed(raw)
    names, addresses = _people(message, "from")
    sender = next((each for each in addresses if _ADDRESS.fullmatch(each)), None)
    headers = {name.lower(): str(value) for name, value in reversed(list(message.raw_items()))}
    text, files = _bodies(message)
    text = _clean(text).strip()
    return IncomingMail(
        message_id=next(iter(_ids(message, "message-id")), None),
        references=tuple(_ids(message, "in-reply-to", "references"))[:MOST_REFERENCES],
        sender=sender,
        sender_name=next((name[:300] for name in names if name), None),
        recipients=tuple(_people(message, "to", "cc", "delivered-to", "x-original-to")[1])[:50],
        subject=" ".join(_header(message, "subject").split())[:500],
        text=text[:LONGEST_TEXT],
        cut=len(text) > LONGEST_TEXT,
        date=_date(message),
        automatic=automatic_because(headers | {"from-address": sender or ""}, own),
        files=tuple(files),
    )


def _parsed(raw: bytes) -> Message:
    """The mail in parts; where the standard library falls over how it is divided, the whole as one text."""
    try:
        return BytesParser(policy=policy.compat32).parsebytes(raw)
    except BROKEN:
        message = BytesParser(policy=policy.compat32).parsebytes(raw, headersonly=True)
        for name in ("Content-Type", "Content-Transfer-Encoding", "Content-Disposition"):
            del message[name]
        return message


def _clean(text: str) -> str:
    """Without what no text has: control signs, halves of pairs. Line ends are one sign."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _UNSEEN.sub("", text).encode("utf-8", "ignore").decode()


def _values(message: Message, *names: str) -> list[str]:
    """The values of these headers, in that order. What stands there in bytes that have no business in a
    header is read as text is."""
    found = []
    for wanted in names:
        for name, value in message.raw_items():
            if name.lower() == wanted:
                found.append(_unescaped(str(value)))
    return found


def _header(message: Message, name: str) -> str:
    return _words("".join(_values(message, name)[:1]))


def _words(raw: str) -> str:
    """A header's text with its encoded words (RFC 2047) read."""
    unfolded = raw.replace("\r", "").replace("\n", "")
    try:
        pieces = decode_header(unfolded)
    except (MessageError, ValueError):
        return _clean(unfolded)
    return _clean("".join(_piece(*piece) for piece in pieces))


def _piece(value: bytes | str, charset: str | None) -> str:
    if isinstance(value, str):
        return value
    if charset is not None:
        return decoded(value, charset)
    return _ESCAPED.sub(lambda one: chr(int(one[1] or one[2], 16)), value.decode("latin-1"))


def _people(message: Message, *names: str) -> tuple[list[str], list[str]]:
    """Names and addresses in these headers; decoded after they are taken apart, so that a name that
    has a comma or an address in it cannot pass for another sender."""
    pairs = getaddresses([_UNSEEN.sub("", value) for value in _values(message, *names)])
    said = [" ".join(_words(name).split()) for name, _ in pairs]
    return said, [address.strip().lower() for _, address in pairs if address]


def _ids(message: Message, *names: str) -> Iterator[str]:
    seen = set()
    for name in names:
        for value in _values(message, name):
            for found in _ID.findall(value):
                if found not in seen:
                    seen.add(found)
                    yield found


def _date(message: Message) -> datetime | None:
    try:
        date = parsedate_to_datetime("".join(_values(message, "date")[:1]))
        return date if date.tzinfo is not None and date.timestamp() > 0 else None
    except (TypeError, ValueError, IndexError, OverflowError, OSError):
        return None


def _bodies(message: Message) -> tuple[str, list[MailFile]]:
    """The text that is shown, and the files. Of alternatives the plain one is taken, else the HTML."""
    plain: list[str] = []
    html: list[str] = []
    files: list[MailFile] = []
    for part in _leaves(message):
        name = _filename(part)
        shown = part.get_content_disposition() != "attachment" and name is None
        kind = part.get_content_type()
        if shown and kind == "text/plain":
            plain.append(_text(part))
        elif shown and kind == "text/html":
            html.append(text_of_html(_text(part)))
        elif shown and part.get_content_maintype() == "text":
            plain.append(_text(part))
        else:
            files.append(MailFile(name=_name(name), declared=_clean(kind), content=_bytes(part)))
    said = "\n\n".join(text for text in plain if text.strip())
    return said or "\n\n".join(html), files


def _leaves(message: Message) -> Iterator[Message]:
    """The parts that hold something. A mail within the mail is a file and is not looked into."""
    waiting, count = [message], 0
    while waiting and count < MOST_PARTS:
        part = waiting.pop(0)
        count += 1
        if part.get_content_maintype() == "multipart" and part.is_multipart():
            waiting = _inside(part) + waiting
        else:
            yield part


def _bytes(part: Message) -> bytes:
    if part.is_multipart():
        try:
            return b"\n".join(one.as_bytes() for one in _inside(part))
        except BROKEN:  # it can be read and not be written; as no file that is taken, it is noted
            return b""
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _inside(part: Message) -> list[Message]:
    """Asked only of what has parts: else the standard library decodes by whatever charset is named."""
    return [one for one in part.get_payload() if isinstance(one, Message)]


def _text(part: Message) -> str:
    try:
        charset = part.get_content_charset()
    except BROKEN:
        charset = None
    return decoded(_bytes(part), charset)


def _filename(part: Message) -> str | None:
    """None where the part has none; empty where it cannot be read."""
    try:
        return part.get_filename()
    except BROKEN:
        return ""


def decoded(content: bytes, charset: str | None) -> str:
    """Text in the charset that is named; where it is unknown or does not fit, in the likeliest."""
    named = (charset or "").strip().lower()
    for each in (CHARSETS.get(named, named) or "utf-8", *FALLBACKS):
        try:
            if codecs.lookup(each).name not in NO_CHARSETS:
                return content.decode(each)
        except (LookupError, ValueError):  # of a name with a NUL in it, too
            continue
    return content.decode("utf-8", "replace")


def _name(name: str | None) -> str:
    return "" if name is None else _words(_unescaped(name))


def _unescaped(text: str) -> str:
    return decoded(text.encode("utf-8", "surrogateescape"), None)
