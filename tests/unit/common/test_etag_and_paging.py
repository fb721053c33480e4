"""ETags and cursors: what a client hands back must be what it was given."""

from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi import Request
from hypothesis import given
from hypothesis import strategies as st

from careline_common.http.etag import etag, if_match, optional_match
from careline_common.http.paging import PageQuery, decode_cursor, encode_cursor
from careline_common.http.problem import (
    InvalidInput,
    MalformedRequest,
    PreconditionFailed,
    PreconditionRequired,
)

pytestmark = pytest.mark.unit


def _request(*if_match_headers: str) -> Request:
    headers = [(b"if-match", value.encode()) for value in if_match_headers]
    return Request({"type": "http", "headers": headers})


@pytest.mark.parametrize("header", ['"7"', 'W/"7"', ' "7" ', "*", '"6", "7"'])
def test_a_version_that_was_seen_matches(header: str) -> None:
    if_match(_request(header)).check(7)


@given(st.integers(min_value=1, max_value=10**18 - 1))
def test_an_etag_matches_its_version_and_no_other(version: int) -> None:
    match = if_match(_request(etag(version)))
    assert match.accepts(version)
    assert not match.accepts(version + 1)


def test_a_lost_version_is_told_the_present_one() -> None:
    with pytest.raises(PreconditionFailed) as lost:
        if_match(_request('"6"')).check(7)
    assert (lost.value.status, lost.value.headers) == (412, {"ETag": '"7"'})


def test_a_missing_version_is_asked_for() -> None:
    assert optional_match(_request()) is None
    with pytest.raises(PreconditionRequired) as missing:
        if_match(_request())
    assert (missing.value.status, missing.value.type) == (428, "precondition-required")


@pytest.mark.parametrize("header", ["7", "", '"7', '"7" "8"', '"7",', "*, *"])
def test_what_is_no_etag_is_said_so(header: str) -> None:
    with pytest.raises(MalformedRequest, match="If-Match"):
        if_match(_request(header))


@pytest.mark.parametrize("header", ['"seven"', '"-1"', '""', 'W/"a.b"', '"9999999999999999999"'])
def test_a_tag_that_is_no_version_of_ours_is_lost(header: str) -> None:
    with pytest.raises(PreconditionFailed):
        if_match(_request(header)).check(7)


AT = datetime(2026, 3, 2, 9, 0, 0, 123456, tzinfo=UTC)
KEYS = st.tuples(
    st.datetimes(timezones=st.just(UTC)),
    st.integers(),
    st.text(),
    st.floats(allow_nan=False, allow_infinity=False),
)


@given(KEYS)
def test_a_cursor_keeps_its_key(key: tuple[Any, ...]) -> None:
    cursor = encode_cursor(*key)
    assert decode_cursor(cursor, datetime, int, str, float) == key
    assert cursor.replace("-", "").replace("_", "").isalnum()


@given(st.data())
def test_a_cursor_that_was_meddled_with_is_refused(data: st.DataObject) -> None:
    cursor = encode_cursor(AT, "t-17")
    place = data.draw(st.integers(0, len(cursor) - 1))
    letter = data.draw(st.sampled_from("ABCDEFxyz0189-_!").filter(lambda new: new != cursor[place]))
    with pytest.raises(InvalidInput):
        decode_cursor(cursor[:place] + letter + cursor[place + 1 :], datetime, str)


@given(st.text(max_size=80))
def test_any_other_text_is_no_cursor(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        decode_cursor(text, str)
    assert refused.value.errors == [{"path": "cursor", "reason": "not a cursor of this list"}]


@pytest.mark.parametrize("types", [(), (str,), (int, str), (datetime, str, str), (datetime, int)])
def test_a_cursor_of_another_list_is_refused(types: tuple[type, ...]) -> None:
    with pytest.raises(InvalidInput):
        decode_cursor(encode_cursor(AT, "t-17"), *types)


def test_no_key_is_null() -> None:
    for key in ((None, "t-17"), (AT, None)):
        with pytest.raises(InvalidInput):
            decode_cursor(encode_cursor(*key), datetime, str)


def _page_through(limit: int, count: int) -> list[list[int]]:
    pages: list[list[int]] = []
    cursor: str | None = None
    while True:
        query = PageQuery(limit=limit, cursor=cursor)
        after = query.after(int) or (-1,)
        rows = [number for number in range(count) if number > after[0]][: limit + 1]
        page = query.of(rows, key=lambda row: (row,), show=lambda row: row)
        pages.append(page.items)
        cursor = page.next
        if cursor is None:
            return pages


@given(st.integers(1, 7), st.integers(0, 30))
def test_pages_have_every_row_once(limit: int, count: int) -> None:
    pages = _page_through(limit, count)
    assert [row for page in pages for row in page] == list(range(count))
    assert all(len(page) == limit for page in pages[:-1])
