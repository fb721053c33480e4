"""Feeds over HTTPS: one suite over the fake and over nginx."""

from typing import TYPE_CHECKING

import pytest
from feeds.places import HttpsPlace, configured, fetch

from careline_ingest.fakes.authority import PrivateAuthority

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Ingest

pytestmark = pytest.mark.integration

GOOD = "A-1;89161234567;Нет лекарства;01.03.2026 09:30"
OTHER = "A-2;89161234567;Очередь;01.03.2026 09:30"


async def test_a_file_is_fetched_when_it_is_new_and_not_again(
    ingest: "Ingest", web: HttpsPlace
) -> None:
    web.put(ingest.sheet(GOOD))
    await configured(ingest, web.settings)
    (run,) = await fetch(ingest)
    assert (run["status"], run["file"], run["rows"]["created"]) == ("done", "day.csv", 1)
    for _ in range(2):
        (nothing,) = await fetch(ingest)
        assert nothing["file"] is None
    assert web.not_modified() == 2
    web.put(ingest.sheet(GOOD, OTHER))
    (run,) = await fetch(ingest)
    assert (run["rows"]["created"], run["rows"]["unchanged"]) == (1, 1)


async def test_what_was_taken_is_known_after_the_source_was_configured_anew(
    ingest: "Ingest", web: HttpsPlace
) -> None:
    web.put(ingest.sheet(GOOD))
    await configured(ingest, web.settings)
    (first,) = await fetch(ingest)
    await configured(ingest, web.settings, region="BY")
    assert [run["id"] for run in await fetch(ingest)] == [first["id"]]
    assert web.not_modified() == 0  # it was read under the new configuration
    assert [run["file"] for run in await fetch(ingest)] == [None]


async def test_a_login_is_asked_for_and_given(ingest: "Ingest", web: HttpsPlace) -> None:
    web.put(ingest.sheet(GOOD))
    await configured(ingest, {**web.login, "password": "wrong"})
    (refused,) = await fetch(ingest)
    assert refused["error"] == "the server does not accept the login (401)"
    await configured(ingest, web.login)
    (run,) = await fetch(ingest)
    assert run["status"] == "done"


async def test_a_certificate_of_another_authority_is_refused(
    ingest: "Ingest", web: HttpsPlace, tmp_path: "Path"
) -> None:
    web.put(ingest.sheet(GOOD))
    folder = tmp_path / "other"
    folder.mkdir()
    other = PrivateAuthority(folder).ca.read_text()
    for ca in ({"ca": other}, {}):
        settings = {key: value for key, value in web.settings.items() if not key.startswith("ca")}
        await configured(ingest, {**settings, **ca})
        (run,) = await fetch(ingest)
        assert run["error"].startswith("the server's certificate is not trusted: ")
    assert await ingest.records() == {}


async def test_a_redirect_is_followed_to_hosts_that_are_allowed(
    ingest: "Ingest", web: HttpsPlace
) -> None:
    web.put(ingest.sheet(GOOD))
    await configured(ingest, web.moved)
    (refused,) = await fetch(ingest)
    assert refused["error"] == ("the server redirects to localhost, which is not in redirect_hosts")
    await configured(ingest, web.moved, redirect_hosts=["localhost"])
    (run,) = await fetch(ingest)
    assert run["status"] == "done"


async def test_a_file_over_the_limit_is_refused(ingest: "Ingest", web: HttpsPlace) -> None:
    web.put(b"x" * 1001)
    await configured(ingest, web.settings, max_bytes=1000)
    (run,) = await fetch(ingest)
    assert run["error"] == "the file is larger than 1000 bytes"


async def test_a_download_that_breaks_off_goes_on_where_it_was(
    ingest: "Ingest", web: HttpsPlace
) -> None:
    content = ingest.sheet(*(f"A-{n};89161234567;{'Текст ' * 400};01.03.2026" for n in range(300)))
    web.put(content)
    async with web.breaking(len(content) // 2) as settings:
        await configured(ingest, settings)
        (run,) = await fetch(ingest)
    assert (run["status"], run["rows"]["created"]) == ("done", 300)
    assert web.resumed() == 1
