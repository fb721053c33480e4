"""What partners' web servers do wrong, and what becomes of it."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from feeds.places import configured, fetch, settings_of

from careline_common.testing.waiting import eventually
from careline_ingest import app
from careline_ingest.adapters.https_pull import OTHER_PART
from careline_ingest.fakes.https_feed import FeedFaults, HttpsFeed

if TYPE_CHECKING:
    from conftest import Ingest, Start

pytestmark = pytest.mark.integration

ROWS = 2000


@pytest.fixture
def settings(feed: HttpsFeed, tmp_path: Path) -> dict[str, Any]:
    rows = "\r\n".join(f"A-{n};89161234567;Текст {n};01.03.2026" for n in range(ROWS))
    feed.content = f"Номер обращения;Телефон;Текст;Дата\r\n{rows}\r\n".encode("cp1251")
    return settings_of(feed, tmp_path)


async def good(ingest: "Ingest") -> None:
    (run,) = await fetch(ingest)
    assert (run["status"], run["rows"]["created"]) == ("done", ROWS), run["error"]


CUT = [
    FeedFaults(cut_at=[10_000]),
    FeedFaults(cut_at=[10_000, 20_000, 30_000]),
    FeedFaults(cut_at=[10_000], no_range=True),
    FeedFaults(cut_at=[10_000], chunked=True),
    FeedFaults(chunked=True, no_etag=True),
]


async def test_a_body_that_is_cut_is_made_whole(
    ingest: "Ingest", feed: HttpsFeed, settings: dict[str, Any]
) -> None:
    for number, faults in enumerate(CUT):
        cuts = len(faults.cut_at)
        feed.faults = faults
        feed.content += f"B-{number};89161234567;Ещё;01.03.2026\r\n".encode("cp1251")
        feed.asked.clear()
        await configured(ingest, settings)
        (run,) = await fetch(ingest)
        assert (run["status"], run["rows"]["read"]) == ("done", ROWS + number + 1), faults
        assert len(feed.asked) == cuts + 1, faults


async def test_a_file_that_changed_after_a_cut_is_not_pieced_together(
    ingest: "Ingest", feed: HttpsFeed, settings: dict[str, Any]
) -> None:
    fresh = ingest.sheet("B-1;89161234567;Новый;01.03.2026")
    feed.faults = FeedFaults(cut_at=[10_000], change_when_cut=fresh)
    await configured(ingest, settings)
    (run,) = await fetch(ingest)
    assert (run["status"], run["rows"]["read"]) == ("done", 1)
    assert list(await ingest.records()) == ["B-1"]


WRONG = [
    (FeedFaults(cut_at=[10_000], no_etag=True), "the connection was lost half way"),
    (FeedFaults(cut_at=[10_000], weak_etag=True), "the connection was lost half way"),
    (FeedFaults(cut_at=[10_000] * 5), "the connection was lost half way"),
    (FeedFaults(longer_by=10), "the server answers 416"),
    (FeedFaults(longer_by=10, no_etag=True), "the connection was lost half way"),
    (FeedFaults(no_length=True), "the server does not say where the file ends"),
    (FeedFaults(packed=True), "the server packs the file, which it was asked not to"),
    (
        FeedFaults(wrong_digest=True),
        "the file does not have the SHA-256 that its sender says it has",
    ),
    (FeedFaults(statuses=[(404, None)]), "the server answers 404"),
    (FeedFaults(statuses=[(500, None)]), "the server answers 500"),
    (FeedFaults(redirect_to="/elsewhere"), "the server redirects more than 5 times"),
    (
        FeedFaults(redirect_to="http://127.0.0.1/day.csv"),
        "the server redirects to an address that is not https",
    ),
    (FeedFaults(hang=True), "the server was silent for longer than timeout_s"),
    (FeedFaults(cut_at=[10_000], short_range=True), OTHER_PART),
    (
        FeedFaults(statuses=[(304, None)]),
        "the server answers 304 without having been asked for changes",
    ),
    (FeedFaults(redirect_to="https://127.0.0.1:port/"), "the connection was lost"),
    (
        FeedFaults(redirect_to="https://127.0.0.1:99999/"),
        "the server redirects to a port that cannot be",
    ),
    (
        FeedFaults(statuses=[(503, "Wed, 31 Dec 2098 23:59:59 +99999999999999")]),
        "the server asks for a pause (503)",
    ),
]


async def test_what_is_not_whole_or_not_right_is_not_taken(
    ingest: "Ingest", feed: HttpsFeed, settings: dict[str, Any], tmp_path: Path
) -> None:
    for faults, reason in WRONG:
        feed.faults = faults
        await configured(ingest, settings, timeout_s=0.3 if faults.hang else 10.0)
        (run,) = await fetch(ingest)
        assert (run["status"], run["error"], run["rows"]["read"]) == ("failed", reason, 0)
        assert [path.name for path in (tmp_path / "spool").iterdir()] == []
    feed.faults = FeedFaults()
    await good(ingest)


@pytest.mark.parametrize(
    "headers",
    [
        {"ETag": '"h\xe9"', "Last-Modified": "h\xe9"},
        {"Repr-Digest": "sha-256=:\xe9:"},
        {"Content-Disposition": f"attachment; filename*{'9' * 5000}*=x"},
    ],
    ids=lambda headers: next(iter(headers)),
)
async def test_headers_that_mean_nothing_hinder_nothing(
    ingest: "Ingest", feed: HttpsFeed, settings: dict[str, Any], headers: dict[str, str]
) -> None:
    feed.faults.headers = headers
    await configured(ingest, settings)
    await good(ingest)
    feed.faults.headers = {}
    (again,) = await fetch(ingest)
    assert again["status"] == "done"


@pytest.mark.parametrize(
    ("status", "given"), [(429, "120"), (503, "Wed, 31 Dec 2098 23:59:59 GMT")]
)
async def test_a_server_that_asks_for_a_pause_gets_it(
    start: "Start", feed: HttpsFeed, settings: dict[str, Any], status: int, given: str
) -> None:
    async with start(ingest_fetch_s=0.05, ingest_retry_s=0.05) as ingest:
        feed.faults.statuses = [(status, given)]
        await configured(ingest, settings, schedule=None)
        await eventually(ingest.runs, what="the refusal")

        async def planned() -> timedelta | None:
            (row,) = await ingest.query("SELECT next_at - now() AS pause FROM ingest.fetch")
            pause: timedelta | None = row["pause"]
            return pause

        pause = await eventually(planned, what="the next fetch to be planned")
        longest = 120 if given == "120" else 86400
        assert longest - 60 < pause.total_seconds() <= longest
        (run,) = await ingest.runs()
        assert run["error"] == f"the server asks for a pause ({status})"
        assert len(feed.asked) == 1


@pytest.mark.parametrize(
    ("login", "header"),
    [
        ({"token": "bearer-secret"}, ("Authorization", "Bearer bearer-secret")),
        ({"api_key": "key-secret"}, ("X-API-Key", "key-secret")),
        ({"api_key": "key-secret", "api_key_header": "X-Token"}, ("X-Token", "key-secret")),
    ],
)
async def test_a_login_goes_to_the_server_it_is_of_and_to_no_other(
    ingest: "Ingest",
    feed: HttpsFeed,
    settings: dict[str, Any],
    tmp_path: Path,
    login: dict[str, str],
    header: tuple[str, str],
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert feed._tls is not None
    async with HttpsFeed(feed.content, tls=feed._tls) as other:
        feed.login = header
        await configured(ingest, settings, **login)
        await good(ingest)
        feed.faults.redirect_to = other.url()
        feed.content += b"A-x;;;\r\n"
        await configured(ingest, settings, **login, redirect_hosts=["127.0.0.1"])
        await fetch(ingest)
        (asked,) = other.asked
        assert header[0].lower() not in asked.headers
    for text in capfd.readouterr():
        assert header[1] not in text


async def test_the_name_that_the_server_gives_is_the_files(
    ingest: "Ingest", feed: HttpsFeed, settings: dict[str, Any]
) -> None:
    feed.name = "../сводка-март.csv".encode().decode("latin-1")
    await configured(ingest, settings)
    (run,) = await fetch(ingest)
    assert run["file"] == "сводка-март.csv"


async def test_a_feed_that_brings_nothing_new_is_late(
    start: "Start", feed: HttpsFeed, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "LATE_EVERY_S", 0.05)
    async with start(ingest_fetch_s=0.05) as ingest:
        await configured(ingest, settings, late_after_s=1_000_000)
        await good(ingest)
        value = ingest.service.app.state.metrics.value
        await ingest.query("UPDATE ingest.run SET created_at = created_at - interval '12 days'")
        await eventually(lambda: value("feed_late", source="feed") == 1, what="the feed to be late")
        assert value("fetch_age_seconds", source="feed") < 1_000_000
        feed.content = ingest.sheet("B-1;89161234567;Новый;01.03.2026")
        await fetch(ingest)
        await eventually(lambda: value("feed_late", source="feed") == 0, what="it to be in time")
