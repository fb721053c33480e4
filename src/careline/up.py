"""`careline up`: the standalone on a port, with or without the demo."""

import asyncio
import contextlib
import sys
from collections.abc import Coroutine
from typing import Any

from careline import serving, standalone
from careline.datadir import CannotError, DataDir
from careline.logfile import logging_to_file
from careline_common.postgres import PostgresError


async def up(data: DataDir, *, host: str, port: int, demo: bool) -> None:
    """Runs until SIGINT or SIGTERM."""
    stop = serving.stop_requested()
    listener = serving.listen(host, port)
    url = serving.url_of(listener)
    data.create()
    try:
        async with contextlib.AsyncExitStack() as stack:
            stack.enter_context(logging_to_file(data))
            whole = await stack.enter_async_context(standalone.put_together(data, url))
            # HTTP stops after the services, which fetch from each other until their last event
            http = await stack.enter_async_context(serving.serving(whole.app, listener))
            await stack.enter_async_context(whole.working())
            data.write_server(url, whole.database_url)
            stack.callback(data.server_file.unlink, missing_ok=True)
            await _first(whole.wait_ready(), stop.wait(), asyncio.shield(http))
            if stop.is_set() or http.done():
                return
            _say(f"ready {url}")
            if demo:
                from careline.demo.run import demo as run_demo

                await stack.enter_async_context(run_demo(whole, data, url, say=_say))
            await _first(stop.wait(), asyncio.shield(http))
    except PostgresError as error:
        raise CannotError(str(error)) from error


async def _first(*works: Coroutine[Any, Any, Any] | asyncio.Future[Any]) -> None:
    """Waits until the first of several things has happened; gives up the others."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
