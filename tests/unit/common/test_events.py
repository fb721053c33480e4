"""The catalogue's rules, and the envelope there and back."""

import json
import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careline_common.events import CATALOGUE, Envelope, Event, InvalidEventError, UnknownEventError
from careline_common.events.registry import PRODUCERS, event_class, producer_of
from careline_common.events.tickets import TicketClosed

pytestmark = pytest.mark.unit

PAST = re.compile(r"\w+ed|sent|given|ready")

TYPE = re.compile(r"careline\.[a-z]+\.[a-z]+(_[a-z]+)*\.v[1-9]\d*")

WRITTEN = """
{"specversion": "1.0", "id": "e1", "source": "/careline/tickets", "subject": "t1", "sequence": 7,
 "type": "careline.ticket.closed.v1", "time": "2026-03-02T09:00:00Z", "correlationid": "c1",
 "data": {"ticket_id": "t1", "number": "26-1", "outcome": "justified",
          "closed_at": "2026-03-02T09:00:00Z"}}
"""


def changed(**fields: object) -> bytes:
    return json.dumps({**json.loads(WRITTEN), **fields}).encode()


@pytest.mark.parametrize("event_type", CATALOGUE)
def test_a_type_names_what_has_happened_and_its_version(event_type: str) -> None:
    assert TYPE.fullmatch(event_type)
    assert any(PAST.fullmatch(word) for word in event_type.split(".")[2].split("_"))


def test_no_two_events_share_a_type() -> None:
    declared = [
        event.TYPE
        for producer in PRODUCERS.values()
        for event in vars(producer).values()
        if isinstance(event, type) and issubclass(event, Event) and event is not Event
    ]
    assert sorted(declared) == sorted(set(declared)) == sorted(CATALOGUE)


@pytest.mark.parametrize("event_type", CATALOGUE)
def test_an_event_belongs_to_the_producer_in_whose_module_it_stands(event_type: str) -> None:
    assert producer_of(event_class(event_type)) in PRODUCERS


@pytest.mark.parametrize("event_type", CATALOGUE)
def test_only_the_four_events_of_adr_5_carry_a_contact(event_type: str) -> None:
    allowed = {
        "careline.ticket.notice_issued.v1",
        "careline.call.ended.v1",
        "careline.survey.score_recorded.v1",
        "careline.survey.comment_given.v1",
    }
    fields = set(event_class(event_type).model_fields)
    assert ("contact" in fields) == (event_type in allowed)
    assert not fields & {"phone", "name", "caller", "policy_number", "birth_date", "text"}


words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
zones = st.sampled_from([UTC, timezone(timedelta(hours=3, minutes=30))])
moments = st.datetimes(timezones=zones, min_value=datetime(1900, 1, 1))  # noqa: DTZ001
envelopes = st.builds(
    Envelope,
    id=words,
    source=words,
    subject=words,
    time=moments,
    sequence=st.integers(min_value=0, max_value=2**53),
    correlationid=words,
    causationid=st.none() | words,
    data=st.builds(TicketClosed, ticket_id=words, number=words, outcome=words, closed_at=moments),
)


@given(envelope=envelopes)
def test_an_envelope_survives_the_way_there_and_back(envelope: Envelope) -> None:
    assert Envelope.parse(envelope.to_json()) == envelope


def test_a_reader_ignores_fields_it_does_not_know() -> None:
    data = {**json.loads(WRITTEN)["data"], "added_later": {"deep": [1]}}
    envelope = Envelope.parse(changed(data=data, traceparent="00-1"))
    assert envelope == Envelope.parse(WRITTEN.encode())


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"", "message: json_invalid"),
        (b"\xff\xfe", "message: json_invalid"),
        (b"[]", "message: model_type"),
        (b"null", "message: model_type"),
        (changed(id=""), "id: string_too_short"),
        (changed(id=None), "id: string_type"),
        (changed(specversion="0.3"), "specversion: literal_error"),
        (changed(time="yesterday"), "time: datetime_from_date_parsing"),
        (changed(time="2026-03-02T09:00:00"), "time: timezone_aware"),
        (changed(sequence="7"), "sequence: int_type"),
        (changed(data=None), "data: dict_type"),
        (
            changed(data={"ticket_id": "t1"}),
            "number: missing; outcome: missing; closed_at: missing",
        ),
    ],
)
def test_what_is_no_event_of_ours_is_refused_with_the_field(body: bytes, fault: str) -> None:
    with pytest.raises(InvalidEventError) as caught:
        Envelope.parse(body)
    assert str(caught.value) == fault


def test_a_refusal_quotes_no_value_of_the_message() -> None:
    data = {"ticket_id": {"phone": "+79990001122"}}
    with pytest.raises(InvalidEventError) as caught:
        Envelope.parse(changed(data=data, sequence="+79990001122"))
    assert "7999" not in str(caught.value)


def test_a_type_that_is_not_in_the_catalogue_is_unknown() -> None:
    with pytest.raises(UnknownEventError):
        Envelope.parse(changed(type="careline.ticket.closed.v9"))
