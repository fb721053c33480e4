"""Which database a command reads: the one it is told, else that of the standalone over a folder."""

import contextlib
import os
from collections.abc import AsyncIterator

from careline.datadir import CannotError, DataDir
from careline_common.postgres import PostgresError, PostgresLauncher


@contextlib.asynccontextmanager
async def database_of(data: DataDir, given: str | None = None) -> AsyncIterator[str]:
    """The URL given, else CARELINE_DATABASE_URL's, else that of the standalone, whose PostgreSQL is
    started just for this when it does not run."""
    url, standalone = given or os.environ.get("CARELINE_DATABASE_URL"), data.running()
    if url is None and standalone is not None:
        url = standalone.database_url
    if url is not None:
        yield url
        return
    if not data.path.is_dir():
        raise CannotError(f"there is no {data.path}; name the folder with --data")
    async with contextlib.AsyncExitStack() as stack:
        try:
            url = await stack.enter_async_context(PostgresLauncher(data.path).running())
        except PostgresError as error:
            raise CannotError(str(error)) from error
        yield url
