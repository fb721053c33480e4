"""A file that is sent to be tried: nothing of it stays."""

import asyncio
from collections.abc import AsyncIterator

from careline_common.clock import Clock
from careline_ingest.adapters.archives import ArchiveRefusedError
from careline_ingest.adapters.spool import Stored
from careline_ingest.config import SourceEntry
from careline_ingest.domain.faults import UnreadableFileError
from careline_ingest.previewing import Preview, preview
from careline_ingest.problems import ArchiveRefused, FileUnreadable
from careline_ingest.service import IngestService


async def try_file(
    service: IngestService,
    source: SourceEntry,
    body: AsyncIterator[bytes],
    *,
    clock: Clock,
    shown: int,
) -> Preview:
    """Tries a file, or the first of those in a ZIP. Raises 413 and 422."""
    stored = await service.stored(body)
    files: list[tuple[str | None, Stored]] = []
    try:
        files = await service.unpacked(None, stored)
        path, spec = files[0][1].path, service.spec(source)
        return await asyncio.to_thread(preview, path, spec, now=clock.now(), shown=shown)
    except ArchiveRefusedError as refused:
        raise ArchiveRefused(str(refused)) from None
    except UnreadableFileError as error:
        raise FileUnreadable(str(error)) from None
    finally:
        service.discard([stored, *(each for _, each in files)])
