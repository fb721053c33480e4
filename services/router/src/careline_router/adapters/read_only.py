"""A way on which nothing can be sent but a question."""

from careline_router.adapters.authorised import Way
from careline_router.adapters.crm_exchange import Answer


class ReadOnly:
    """`GET` of what is under one address: no other method and no other host is within reach of who has this."""

    def __init__(self, way: Way, base: str) -> None:
        self._way = way
        self._base = base

    async def get(self, path: str) -> Answer:
        """The answer to a `path`, which begins with one /; raises `CrmFault`. A redirection is an answer, not followed."""
        if not path.startswith("/") or path.startswith("//"):
            raise ValueError("a path begins with one /")
        return await self._way.send("GET", self._base + path)

    async def close(self) -> None:
        await self._way.close()
