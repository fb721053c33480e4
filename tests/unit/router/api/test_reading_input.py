"""Whatever a client sends, it is understood or answered with a problem: never a crash."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from careline_common.clock import ManualClock
from careline_common.http.auth import Principal
from careline_common.http.problem import Problem
from careline_router.api.desk import Refused, read_message
from careline_router.api.numbering import Numbering, stored_number
from careline_router.api.pbx_events import read_event
from careline_router.api.schemas import EVENT_DATA
from careline_router.api.tickets import SocketTickets

pytestmark = pytest.mark.unit

NOON = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
events = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(sorted(EVENT_DATA)) | json_values,
        "call_id": st.text(max_size=5) | json_values,
        "at": st.just("2026-03-02T09:00:00Z") | json_values,
        "data": st.fixed_dictionaries(
            {},
            optional=dict.fromkeys(
                ("caller", "line", "offer_id", "cause", "by", "digits", "url"), json_values
            ),
        )
        | json_values,
    },
)


def told(read, given_input):
    """What reading gives, or the status and path of the refusal."""
    try:
        return read(given_input)
    except Problem as problem:
        return problem.document()
    except Refused as refused:
        return refused.problem


@given(st.binary(max_size=60) | events.map(to_json))
def test_any_body_is_an_event_or_a_problem(body):
    answer = told(read_event, body)
    if isinstance(answer, dict):
        assert answer["status"] in {400, 422}
    else:
        event, data = answer
        assert isinstance(data, EVENT_DATA[event.type])


@given(st.text(max_size=60) | json_values.map(lambda value: to_json(value).decode()))
def test_any_text_on_a_socket_is_a_message_or_a_problem(text):
    answer = told(read_message, text)
    if isinstance(answer, dict):
        assert answer["status"] in {400, 422}
    else:
        assert answer.id


def test_a_message_that_is_wrong_is_answered_under_its_id():
    with pytest.raises(Refused) as refused:
        read_message('{"id": "m7", "type": 1}')
    assert refused.value.message_id == "m7"
    assert refused.value.problem["errors"] == [
        {"path": "type", "reason": "input should be a valid string"}
    ]


@pytest.fixture
def anna():
    return Principal(subject="a1", roles=frozenset({"agent"}), expires_at=NOON)


def test_a_ticket_is_good_once(anna):
    tickets = SocketTickets(ManualClock(NOON))
    ticket = tickets.issue(anna)
    assert tickets.redeem(ticket) == anna
    assert tickets.redeem(ticket) is None


def test_a_ticket_is_good_for_thirty_seconds(anna):
    clock = ManualClock(NOON)
    tickets = SocketTickets(clock)
    early, late = tickets.issue(anna), tickets.issue(anna)
    clock.advance(29.9)
    assert tickets.redeem(early) == anna
    clock.advance(0.1)
    assert tickets.redeem(late) is None


def test_tickets_cannot_be_guessed_from_each_other(anna):
    tickets = SocketTickets(ManualClock(NOON))
    issued = {tickets.issue(anna) for _ in range(100)}
    assert len(issued) == 100
    assert all(len(ticket) >= 40 for ticket in issued)


def test_numbers_on_the_wire_grow_and_tell_what_was_had():
    numbers = Numbering.behind(None, 2)
    first = numbers.of_passing()
    third = numbers.of_stored(3)
    stats = [numbers.of_passing(), numbers.of_passing()]
    sent = [first, third, *stats]
    assert sent == sorted(set(sent))
    assert [stored_number(number) for number in sent] == [2, 3, 3, 3]

    back = Numbering.behind(stats[-1], 5)
    again = [back.of_passing(), back.of_stored(4), back.of_stored(5), back.of_passing()]
    assert again == sorted(set(again))
    assert again[0] > stats[-1]


def test_a_number_from_nowhere_is_not_believed():
    assert Numbering.behind(10**15, 5).of_passing() < 6 * 10**6
