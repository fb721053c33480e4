"""Names of files as senders give them."""

from email.message import Message

from careline_ingest.domain.normalise import line

LONGEST_NAME = 200


def file_name(disposition: str | None) -> str | None:
    """The file's name without any folder, None where there is none.

    `filename*` (RFC 8187) is read, and UTF-8 in a plain `filename`, as most clients send it.
    """
    if not disposition:
        return None
    message = Message()
    message["Content-Disposition"] = disposition
    try:
        name = message.get_filename()
    except ValueError:  # it counts its parts, or names a character set, in a way that nobody can
        return None
    if name is None:
        return None
    try:
        name = name.encode("latin-1").decode("utf-8")
    except UnicodeError:
        name = str(name)
    name = line(name.replace("\\", "/").rsplit("/", 1)[-1])
    return None if name in ("", ".", "..") else name[-LONGEST_NAME:]
