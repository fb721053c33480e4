"""What only a plain CRM has: paths into its answers, whatever those look like."""

from typing import Any

import pytest

from careline_router.fakes.http_server import Reply

pytestmark = pytest.mark.integration

ANNA = "+79161234567"


@pytest.mark.parametrize(
    ("contacts", "body", "expected"),
    [
        ("$.items", {"items": [{"payer": "cash"}]}, ("found", None)),
        ("$.items", {"items": []}, ("unknown", "not_found")),
        ("$.items", {"items": None}, ("unknown", "not_found")),
        ("$.items", {"error": "the database is away"}, ("failed", "bad_answer")),
        ("$.data.items", {"data": None, "errors": [{}]}, ("failed", "bad_answer")),
        ("$.items[0]", {"items": []}, ("unknown", "not_found")),
        ("$", None, ("unknown", "not_found")),
        ("$", {"error": "the database is away"}, ("failed", "bad_answer")),
        # somebody of whom nothing is known is somebody
        ("$", {"payer": None, "name": None}, ("found", None)),
    ],
)
async def test_an_error_that_comes_as_200_is_nobody_s_absence(
    open_world: Any, contacts: str, body: Any, expected: tuple[str, str | None]
) -> None:
    world = await open_world("http")
    world.desk.next(Reply.json(body))
    profile = await world.crm(contacts=contacts).look_up(ANNA)
    assert (profile.status, profile.reason) == expected
