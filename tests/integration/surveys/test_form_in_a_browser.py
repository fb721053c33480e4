"""The web form as a patient has it: on a telephone, right to left, without script, by keys alone."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from careline_common.testing.browser import Page, page_of
from careline_common.testing.components import require
from careline_common.testing.waiting import eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

PROJECT = Path(__file__).parents[3]
LEAST_TARGET_PX = 44
LEAST_CONTRAST = 4.5
QUESTIONS = [
    {"id": "csi", "kind": "csi"},
    {"id": "solved", "kind": "fcr"},
    {"id": "why", "kind": "text"},
]
COLOURS = """[...document.querySelectorAll('body *')].filter(
    each => [...each.childNodes].some(node => node.nodeType === 3 && node.data.trim())
).map(each => {
    let behind = each
    while (behind && getComputedStyle(behind).backgroundColor === 'rgba(0, 0, 0, 0)')
        behind = behind.parentElement
    return [each.textContent.trim(), getComputedStyle(each).color,
            behind ? getComputedStyle(behind).backgroundColor : 'rgb(255, 255, 255)']
})"""
TARGETS = """[...document.querySelectorAll('.choices label, button, textarea')].map(each => {
    const box = each.getBoundingClientRect(); return [box.width, box.height] })"""
FOCUSED = """(() => { const at = document.activeElement, box = at.closest('label') || at
    return [at.name || at.tagName, getComputedStyle(box).outlineStyle] })()"""


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    """The service behind a real socket, which a browser needs."""
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", lifespan="off")
    )
    task = asyncio.create_task(server.serve())
    await eventually(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


async def link(surveys: Any) -> str:
    await surveys.survey(questions=QUESTIONS, texts={"fa": "از تماس خود راضی بودید؟ {link}"})
    await surveys.call_ended("c1", contact="+989121234567", language="fa")
    [message] = await surveys.printed(1)
    found = re.search(r"/v1/f/\S+", message["text"])
    assert found
    return found[0]


@pytest.fixture
async def phone(surveys: Any, tmp_path: Path) -> AsyncIterator[Page]:
    """The form of a Persian patient, open on his telephone."""
    path = await link(surveys)
    async with (
        served(surveys.service.app) as address,
        page_of(require("chromium", PROJECT), tmp_path) as page,
    ):
        await page.as_phone()
        await page.open(address + path)
        yield page


def luminance(colour: str) -> float:
    """Relative luminance by WCAG 2.2."""
    parts = [int(value) / 255 for value in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


async def test_a_persian_patient_answers_by_keys_alone_on_a_small_screen(surveys, phone) -> None:
    await looks_right(phone)
    await is_read_out_whole(phone)
    await phone.press("Tab")
    name, outline = await phone.evaluated(FOCUSED)
    assert (name, outline) == ("csi", "solid")
    await phone.press("Space", "ArrowDown", "Tab")
    assert (await phone.evaluated(FOCUSED))[0] == "solved"
    await phone.press("Space", "Tab")
    assert (await phone.evaluated(FOCUSED))[0] == "why"
    await phone.types("منتظر ماندم")
    await phone.press("Tab")
    assert await phone.evaluated(FOCUSED) == ["BUTTON", "solid"]
    await phone.leave_by("Enter")
    assert "status" in [role for role, _ in await phone.read_out()]
    await looks_right(phone)
    [invitation] = await surveys.of_reference("c1")
    assert [(a["question"], a["score"], a["text"]) for a in invitation["answers"]] == [
        ("csi", 2, None), ("solved", "yes", None), ("why", None, "منتظر ماندم"),
    ]  # fmt: skip


async def looks_right(phone: Page) -> None:
    """Right to left, nothing beyond the edge, everything large enough to touch and dark enough to read."""
    assert await phone.evaluated("getComputedStyle(document.body).direction") == "rtl"
    wide, screen = await phone.evaluated("[document.documentElement.scrollWidth, innerWidth]")
    assert wide <= screen == 360
    small = [box for box in await phone.evaluated(TARGETS) if min(box) < LEAST_TARGET_PX]
    assert small == []
    colours = await phone.evaluated(COLOURS)
    assert colours
    assert [each for each in colours if contrast(each[1], each[2]) < LEAST_CONTRAST] == []


async def is_read_out_whole(phone: Page) -> None:
    """Every field has its words, and the choices stand in groups that are named after their question."""
    heard = await phone.read_out()
    radios = [name for role, name in heard if role == "radio"]
    assert radios == ["۱", "۲", "۳", "۴", "۵", "بله", "خیر"]
    fields = [(role, name) for role, name in heard if role in {"group", "textbox", "button"}]
    assert [role for role, _ in fields] == ["group", "group", "textbox", "button"]
    assert all(name.strip() for _, name in fields)
    assert "از تماس خود راضی بودید؟" in fields[0][1]
