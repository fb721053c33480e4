"""How a replica hears that another one has applied a configuration."""

import asyncio

import asyncpg

from careline_common.config.store import ConfigStore

POLL_S = 30.0


async def watch_config(store: ConfigStore) -> None:
    """Reloads when PostgreSQL says so, and every 30 s in case it was not heard. Never returns."""
    changed = asyncio.Event()
    connection = await asyncpg.connect(store.database.url, timeout=5)
    try:
        await connection.add_listener(store.channel, lambda *_: changed.set())
        connection.add_termination_listener(lambda *_: changed.set())
        while not connection.is_closed():
            await store.load(always=False)
            try:
                async with asyncio.timeout(POLL_S):
                    await changed.wait()
            except TimeoutError:
                await connection.execute("SELECT 1")
            changed.clear()
    finally:
        await connection.close(timeout=1)
