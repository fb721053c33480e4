"""What Asterisk's causes say of a phone that was answered: hung up by its owner, or dropped out."""

import pytest

from careline_router.adapters.asterisk.causes import dropped

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("cause", "lost"),
    [
        (0, False),  # Asterisk's own, for want of one
        (16, False),  # normal clearing: a BYE
        (17, False),
        (21, False),
        (26, False),  # we took the leg down
        (31, False),
        (127, False),  # interworking: a SIP code that has no cause of its own
        (18, True),  # the phone answers nothing any more
        (20, True),
        (27, True),
        (38, True),  # the network is out of order
        (41, True),
        (44, True),  # no sound for `rtp_timeout`
        (102, True),  # a timer of the protocol has run out
    ],
)
def test_a_leg_that_ends_otherwise_than_by_its_owner_has_dropped(cause: int, lost: bool) -> None:
    assert dropped(cause) is lost
