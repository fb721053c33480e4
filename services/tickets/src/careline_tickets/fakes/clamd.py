"""A clamd that knows one virus, the EICAR test file, and speaks INSTREAM.

python -m careline_tickets.fakes.clamd [PORT]
"""

import asyncio
import sys
from contextlib import suppress

EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
SIGNATURE = "Eicar-Test-Signature"
MOST_BYTES = 25 << 20
"""StreamMaxLength, as clamd has it when it is not told otherwise."""
PORT = 3310


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One command a connection, as the client sends it."""
    with suppress(OSError, asyncio.IncompleteReadError):
        command = await reader.readuntil(b"\0")
        if command == b"zPING\0":
            writer.write(b"PONG\0")
        elif command == b"zINSTREAM\0":
            writer.write((await _judged(reader)).encode() + b"\0")
        else:
            writer.write(b"UNKNOWN COMMAND\0")
        await writer.drain()
    writer.close()


async def _judged(reader: asyncio.StreamReader) -> str:
    content = b""
    while size := int.from_bytes(await reader.readexactly(4), "big"):
        if len(content) + size > MOST_BYTES:
            return "INSTREAM size limit exceeded. ERROR"
        content += await reader.readexactly(size)
    return f"stream: {SIGNATURE} FOUND" if EICAR in content else "stream: OK"


async def serve(port: int = PORT) -> asyncio.Server:
    """The server, listening on 127.0.0.1."""
    return await asyncio.start_server(answer, "127.0.0.1", port)


async def _forever(port: int) -> None:
    async with await serve(port) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_forever(int(sys.argv[1]) if len(sys.argv) > 1 else PORT))
