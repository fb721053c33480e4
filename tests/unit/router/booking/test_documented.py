"""docs/booking.md names every setting, every reason and every state."""

from pathlib import Path
from typing import get_args

import pytest

from careline_router.booking_config import BookingEntry
from careline_router.booking_port import FaultReason
from careline_router.domain.bookings import AppointmentState, RefusalReason

pytestmark = pytest.mark.unit

NAMES = [*BookingEntry.model_fields, *get_args(FaultReason), *get_args(AppointmentState)]
PROBLEMS = [word.replace("_", "-") for word in get_args(RefusalReason)]


@pytest.mark.parametrize("name", [*NAMES, *PROBLEMS])
def test_it_is_documented(project_folder: Path, name: str) -> None:
    text = (project_folder / "docs" / "booking.md").read_text(encoding="utf-8")
    assert f"`{name}`" in text


def test_the_defaults_are_those_of_the_settings(project_folder: Path) -> None:
    text = (project_folder / "docs" / "booking.md").read_text(encoding="utf-8")
    for name, field in BookingEntry.model_fields.items():
        if isinstance(field.default, int | float):
            assert f"`{name}` | {field.default:g} |" in text
