"""Opens a file: its encoding, its header, its rows."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, TextIO

from careline_ingest.domain.decode import candidates, foreign_kind, undecodable_byte
from careline_ingest.domain.faults import UnreadableFileError
from careline_ingest.domain.feed import READABLE_FORMATS, FeedSpec
from careline_ingest.domain.mapping import Binding
from careline_ingest.domain.rows import RawRow, read_rows

CHUNK_BYTES = 1 << 18
HEAD_BYTES = 16

Opener = Callable[[], BinaryIO]
"""Opens the file anew, at its first byte."""


@dataclass(frozen=True, slots=True)
class OpenFile:
    encoding: str
    binding: Binding
    rows: Iterator[RawRow]
    stream: TextIO
    """To be closed by whoever has read enough."""


def open_file(opener: Opener, spec: FeedSpec) -> OpenFile:
    """Decides the encoding and finds the header; raises `UnreadableFileError`.

    The whole file is decoded once before the first row is given, so that a file that cannot be
    decoded leaves nothing behind. Of the encodings that decode it, the first holds under which the
    mapped columns appear: Russian text in UTF-8 is also decodable as cp1251, but not with the
    right header.
    """
    if spec.record != "appeal":
        raise UnreadableFileError(
            f"records of kind {spec.record} are not supported by this version"
        )
    if spec.format not in READABLE_FORMATS:
        raise UnreadableFileError(f"format {spec.format} is not supported by this version")
    with opener() as stream:
        head = stream.read(HEAD_BYTES)
    kind = foreign_kind(head)
    if kind is not None:
        raise UnreadableFileError(f"the file is {kind}, not {spec.format}")
    refusals: list[str] = []
    unbound: UnreadableFileError | None = None
    for encoding in candidates(head, spec.encodings):
        with opener() as stream:
            failed_at = undecodable_byte(iter(lambda: stream.read(CHUNK_BYTES), b""), encoding)
        if failed_at is not None:
            refusals.append(f"{encoding} fails at byte {failed_at}")
            continue
        text = io.TextIOWrapper(opener(), encoding=encoding, errors="strict", newline="")
        try:
            binding, rows = read_rows(text, spec)
        except UnreadableFileError as error:
            text.close()
            unbound = unbound or error
        else:
            return OpenFile(encoding, binding, rows, text)
    raise unbound or UnreadableFileError(f"the file cannot be decoded: {'; '.join(refusals)}")
