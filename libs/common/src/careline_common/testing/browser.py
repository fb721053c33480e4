"""A real browser without a window: Chromium, spoken to over its DevTools protocol.

Pages run without script, as on a telephone that has it switched off; what tests ask of a page they ask
the browser itself: its boxes, its colours, and the tree that it gives to screen readers.
"""

import asyncio
import itertools
import json
import os
from base64 import b64decode
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import websockets

from careline_common.children import exited, spawn
from careline_common.testing.components import Component
from careline_common.testing.waiting import eventually

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--remote-debugging-port=0", "about:blank",
)  # fmt: skip
PATIENCE_S = 30.0
KEYS: Mapping[str, tuple[str, int, str]] = {
    "Tab": ("Tab", 9, ""),
    "Enter": ("Enter", 13, "\r"),
    "Space": (" ", 32, " "),
    "ArrowDown": ("ArrowDown", 40, ""),
}
"""By name of the key: what it is, its code, and what it types."""


class Page:
    """One page of the browser."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._loaded = False

    async def say(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol and its result. Raises `AssertionError` with the browser's reason."""
        number = next(self._numbers)
        await self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            told = await self._hear()
            if told.get("id") == number:
                assert "error" not in told, (method, told["error"])
                result: dict[str, Any] = told["result"]
                return result

    async def _hear(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE_S):
            told: dict[str, Any] = json.loads(await self._socket.recv())
        self._loaded = self._loaded or told.get("method") == "Page.loadEventFired"
        return told

    async def as_phone(self, width: int = 360, height: int = 640) -> None:
        """From now on a telephone's screen, without script."""
        await self.say("Page.enable")
        await self.say(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=2, mobile=True,
        )  # fmt: skip
        await self.say("Emulation.setScriptExecutionDisabled", value=True)

    async def open(self, url: str) -> None:
        self._loaded = False
        await self.say("Page.navigate", url=url)
        await self.loaded()

    async def loaded(self) -> None:
        """Returns once the page that was asked for is there."""
        while not self._loaded:
            await self._hear()

    async def press(self, *keys: str) -> None:
        for key in keys:
            name, code, typed = KEYS[key]
            more = {"text": typed} if typed else {}
            about = {"key": name, "code": key, "windowsVirtualKeyCode": code}
            await self.say("Input.dispatchKeyEvent", type="keyDown", **about, **more)
            await self.say("Input.dispatchKeyEvent", type="keyUp", **about)

    async def leave_by(self, key: str) -> None:
        """Presses a key that leads to another page, and waits for that."""
        self._loaded = False
        await self.press(key)
        await self.loaded()

    async def types(self, text: str) -> None:
        await self.say("Input.insertText", text=text)

    async def evaluated(self, expression: str) -> Any:
        """What an expression of the DOM is, by value; the page's own scripts stay off."""
        found = await self.say("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    async def read_out(self) -> list[tuple[str, str]]:
        """(role, name) of what a screen reader comes by, in its order."""
        tree = await self.say("Accessibility.getFullAXTree")
        nodes = {node["nodeId"]: node for node in tree["nodes"]}
        return list(_in_order(tree["nodes"][0], nodes))

    async def picture(self) -> bytes:
        """What is to be seen, as PNG."""
        return b64decode((await self.say("Page.captureScreenshot"))["data"])


def _in_order(
    node: Mapping[str, Any], nodes: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, str]]:
    if not node["ignored"]:
        yield node["role"]["value"], node.get("name", {}).get("value", "")
    for child in node.get("childIds", ()):
        if child in nodes:
            yield from _in_order(nodes[child], nodes)


@asynccontextmanager
async def page_of(component: Component, folder: Path) -> AsyncIterator[Page]:
    """A browser with one page, its profile under `folder`; ends with the block."""
    libraries = {str(each.parent) for each in component.prefix.glob("usr/lib/*-linux-gnu/**/*.so*")}
    environment = {
        **os.environ,
        "LD_LIBRARY_PATH": ":".join(sorted(libraries)),
        "HOME": str(folder),
    }
    profile = folder / "profile"
    process = spawn(
        [str(component.prefix / "usr/lib/chromium/chromium"), f"--user-data-dir={profile}", *FLAGS],
        log=folder / "chromium.log",
        env=environment,
    )
    try:
        address = profile / "DevToolsActivePort"

        def port() -> str | None:
            text = address.read_text() if address.exists() else ""
            return text.split("\n")[0] if "\n" in text else None

        found = await eventually(port, within_s=PATIENCE_S, what="the browser")
        async with httpx.AsyncClient(trust_env=False) as http:
            pages = (await http.get(f"http://127.0.0.1:{found}/json/list")).json()
        [first] = [each for each in pages if each["type"] == "page"]
        async with websockets.connect(first["webSocketDebuggerUrl"], max_size=None) as socket:
            yield Page(socket)
    finally:
        process.terminate()
        await exited(process, 10.0)
