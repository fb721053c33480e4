"""The peer of `careline bench router`: a FastAPI endpoint that commits one row, and does nothing else.

    python -m careline.bench.bare_endpoint postgresql://…

It is served as our services are (uvicorn on uvloop), over asyncpg without anything in between.
"""

import asyncio
import sys
from typing import Any

import asyncpg
import uvloop
from fastapi import FastAPI

from careline import serving
from careline.bench.limits import CREATE, INSERT
from careline_common.ids import UuidIds

CONNECTIONS = 10
"""As many as a service of ours holds."""


async def serve(url: str) -> None:
    """Serves `POST /rows` until it is told to stop."""
    stop, ids = serving.stop_requested(), UuidIds()
    pool = await asyncpg.create_pool(url, min_size=CONNECTIONS, max_size=CONNECTIONS)
    await pool.execute(CREATE)
    app = FastAPI()

    @app.post("/rows", status_code=202)
    async def keep(row: dict[str, Any]) -> dict[str, str]:
        name = ids.new()
        await pool.execute(INSERT, name, row["data"])
        return {"id": name}

    listener = serving.listen("127.0.0.1", 0)
    listener.listen()  # who comes before the server does waits for it
    async with serving.serving(app, listener):
        sys.stdout.write(f"ready {serving.url_of(listener)}\n")
        sys.stdout.flush()
        await stop.wait()
    await pool.close()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(sys.argv[1]))
