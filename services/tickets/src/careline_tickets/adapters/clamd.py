"""ClamAV's daemon over its socket: INSTREAM of clamd(8), a file in chunks, one connection a file."""

import asyncio
import re
from contextlib import suppress

from careline_tickets.ports import ScannerAwayError

CHUNK = 1 << 16
TIMEOUT_S = 60.0
LONGEST_ANSWER = 4096
LONGEST_NAME = 200
_FOUND = re.compile(r"stream: (.+) FOUND", re.DOTALL)


class ClamScanner:
    """`address` is host:port, or the path of a socket."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def scan(self, content: bytes) -> str | None:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                answer = await self._asked(content)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError) as error:
            raise ScannerAwayError(type(error).__name__) from None
        if answer == "stream: OK":
            return None
        found = _FOUND.fullmatch(answer)
        if found is None:  # a limit, or a file that it cannot read: nothing is known of it
            raise ScannerAwayError("the scanner gave no verdict")
        return found[1][:LONGEST_NAME]

    async def _asked(self, content: bytes) -> str:
        reader, writer = await self._connected()
        try:
            writer.write(b"zINSTREAM\0")
            for start in range(0, len(content), CHUNK):
                chunk = content[start : start + CHUNK]
                writer.write(len(chunk).to_bytes(4, "big") + chunk)
                await writer.drain()
            writer.write(bytes(4))
            await writer.drain()
            return await _answer(reader)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._address.startswith("/"):
            return await asyncio.open_unix_connection(self._address, limit=LONGEST_ANSWER)
        host, _, port = self._address.rpartition(":")
        return await asyncio.open_connection(host.strip("[]"), int(port), limit=LONGEST_ANSWER)


async def _answer(reader: asyncio.StreamReader) -> str:
    """What stands before the NUL; raises `ScannerAwayError` where none comes within `LONGEST_ANSWER` bytes, and
    `IncompleteReadError` where the connection ends before."""
    try:
        answer = await reader.readuntil(b"\0")
    except asyncio.LimitOverrunError:
        raise ScannerAwayError(f"the scanner said more than {LONGEST_ANSWER} bytes") from None
    return answer[:-1].decode("utf-8", "replace")
