"""What is known of an order by asking: held against a booking system that carries orders out late, or never."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careline_router.domain.bookings import Order, Standing, verdict

pytestmark = pytest.mark.unit

SETTLE_S = 120.0


@dataclass
class There:
    """The booking system itself: an order arrives at `done_at` seconds, or never, and is not always obeyed."""

    standing: Standing | None
    slot: str | None
    order: Order
    wanted: str
    done_at: float | None

    def at(self, age_s: float) -> tuple[Standing | None, str | None]:
        if self.done_at is None or age_s < self.done_at:
            return self.standing, self.slot
        return ("cancelled", self.slot) if self.order == "cancel" else ("booked", self.wanted)


@st.composite
def worlds(draw: st.DrawFn) -> There:
    order = draw(st.sampled_from(("book", "move", "cancel")))
    standing, slot = (None, None) if order == "book" else ("booked", "old")
    late = draw(st.none() | st.floats(0, SETTLE_S - 1))
    return There(standing, slot, order, "new", late)


@given(worlds(), st.lists(st.floats(0, 1000), min_size=1, max_size=20).map(sorted))
def test_an_order_is_settled_as_it_ends_there_and_never_before_its_time(
    there: There, asked_at: list[float]
) -> None:
    final = there.at(1000.0)
    for age_s in asked_at:
        told = verdict(
            there.order, there.wanted, *there.at(age_s), age_s=age_s, settle_for_s=SETTLE_S
        )
        if told is None:
            assert age_s < SETTLE_S
            continue
        assert told.standing == final[0]
        assert told.done == (there.done_at is not None)
        return


@pytest.mark.parametrize(
    ("order", "standing", "slot", "age_s", "expected"),
    [
        ("book", "cancelled", "new", 1, ("cancelled", True)),
        ("move", "cancelled", "old", 1, ("cancelled", False)),
        ("move", None, None, 1, None),
        ("move", None, None, 500, ("cancelled", False)),
        ("cancel", None, None, 1, ("cancelled", True)),
        ("cancel", "booked", "old", 500, ("booked", False)),
    ],
)
def test_what_others_have_done_meanwhile_is_seen(
    order: Order, standing: Standing | None, slot: str | None, age_s: float, expected: object
) -> None:
    told = verdict(order, "new", standing, slot, age_s=age_s, settle_for_s=SETTLE_S)
    assert (None if told is None else (told.standing, told.done)) == expected
