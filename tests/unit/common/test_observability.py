"""Logs, tags and metrics: nobody's number gets out."""

import io
import json
import logging
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr, ValidationError

from careline_common.clock import ManualClock
from careline_common.observability.errors import describe, trace
from careline_common.observability.logging import configure_logging, masked
from careline_common.observability.metrics import MetricsRegistry, exposition
from careline_common.observability.pii import PiiHasher
from careline_common.testing.http import settings_for

pytestmark = pytest.mark.unit

DAY = date(2026, 3, 2)
NAME = "Ivanov"


class Lines(io.StringIO):
    """A stream of JSON lines."""

    def read_all(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


@pytest.fixture
def lines(manual_clock: ManualClock) -> Iterator[Lines]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    stream = Lines()
    configure_logging(
        settings_for(pii_key="k", log_level="info"), clock=manual_clock, stream=stream
    )
    yield stream
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def test_an_event_is_one_json_line(lines: Lines) -> None:
    structlog.contextvars.bind_contextvars(request_id="r-1")
    structlog.get_logger("careline").info("call.offered", call="c-1", waited_s=1.5, text="Алло")
    assert lines.read_all() == [
        {
            "event": "call.offered",
            "call": "c-1",
            "waited_s": 1.5,
            "text": "Алло",
            "request_id": "r-1",
            "level": "info",
            "timestamp": "2026-03-02T09:00:00Z",
        }
    ]


def test_the_standard_library_logs_the_same_way(lines: Lines) -> None:
    logging.getLogger("uvicorn.error").warning("bound to %s", "127.0.0.1:8080")
    (line,) = lines.read_all()
    assert (line["event"], line["level"], line["logger"]) == (
        "bound to 127.0.0.1:8080",
        "warning",
        "uvicorn.error",
    )


def test_levels_below_the_setting_are_left_out(lines: Lines) -> None:
    structlog.get_logger("careline").debug("detail")
    logging.getLogger("httpx").info("GET http://crm.test/+79161234567")
    logging.getLogger("uvicorn.error").info('"WebSocket /v1/agents/me/ws?ticket=t" [accepted]')
    assert lines.read_all() == []


def test_personal_values_are_tags_that_change_every_day(
    lines: Lines, manual_clock: ManualClock
) -> None:
    log = structlog.get_logger("careline")
    for _ in range(2):
        log.info("sms.sent", **{"pii.phone": "+79161234567", "pii.name": None})
    manual_clock.advance(86_400)
    log.info("sms.sent", **{"pii.phone": "+79161234567"})
    first, second, next_day = (line["pii.phone"] for line in lines.read_all())
    assert first == second != next_day
    assert first.startswith("h:")
    assert "916" not in lines.getvalue() or "79161234567" not in lines.getvalue()


def _crash() -> None:
    raise RuntimeError("no route to +79161234567")


def test_a_number_in_any_other_place_is_masked(lines: Lines) -> None:
    log = structlog.get_logger("careline")
    log.info(
        "to +79161234567", nested={"a": ["call 89161234567"]}, thing=ValueError("+989123456789")
    )
    try:
        _crash()
    except RuntimeError:
        log.exception("crash")
    logging.getLogger("x").error("lost %s", "+79161234567", exc_info=ValueError("8 +79161234567"))
    text = lines.getvalue()
    assert "1234567" not in text
    assert "3456789" not in text
    assert text.count("<number>") == 7
    assert "RuntimeError: no route to <number>" in lines.read_all()[1]["exception"]


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-02T09:00:00.123456Z",
        "0192f3a4-5b6c-7d8e-9f01-234567890123",
        "t-1234567890123",
        "127.0.0.1:8080",
        "45.123456789012",
        "123456",
        "h:1234567890123456",
    ],
)
def test_times_and_ids_are_left_alone(text: str) -> None:
    assert masked(text) == text


@given(st.integers(10**9, 10**14), st.text("абв ,;()", max_size=5), st.text(" ,;", max_size=5))
def test_no_long_number_gets_through(number: int, before: str, after: str) -> None:
    assert str(number) not in masked(f"{before} +{number} {after}")
    assert str(number) not in masked(f"{before} {number} {after}")


class Person(BaseModel):
    birth_year: int


def test_an_error_is_described_without_the_data_it_quotes() -> None:
    with pytest.raises(ValidationError) as invalid:
        Person.model_validate({"birth_year": "Ivanov"})
    error = RuntimeError("duplicate key\nDETAIL: Key (name)=(Ivanov) already exists.")
    assert describe(invalid.value) == "ValidationError: Person: birth_year: int_parsing"
    assert describe(error) == "RuntimeError: duplicate key"
    assert describe(RuntimeError()) == "RuntimeError"


def _fail() -> None:
    name = NAME
    try:
        Person.model_validate({"birth_year": name})
    except ValidationError as error:
        raise ExceptionGroup("two", [KeyError("a"), RuntimeError(f"b\n{name}")]) from error


def test_a_trace_has_every_cause_and_no_data() -> None:
    with pytest.raises(ExceptionGroup) as caught:
        _fail()
    text = trace(caught.value)
    assert "in _fail" in text
    for part in ("ExceptionGroup: two", "KeyError: 'a'", "RuntimeError: b", "ValidationError"):
        assert part in text
    assert NAME not in text


def test_a_lookup_tag_is_stable_and_under_the_key() -> None:
    hasher = PiiHasher(SecretStr("k"))
    tag = hasher.lookup("+79161234567")
    assert len(tag) == 32
    assert tag == PiiHasher("k").lookup("+79161234567")
    assert tag != PiiHasher("other").lookup("+79161234567")
    assert tag != hasher.lookup("+79161234568")
    assert hasher.log_tag("+79161234567", DAY) != hasher.log_tag("+79161234567", date(2026, 3, 3))


def test_without_a_key_tags_hold_for_this_process_only() -> None:
    first, second = PiiHasher(""), PiiHasher("")
    assert first.lookup("a") == first.lookup("a") != second.lookup("a")


def test_a_metric_is_named_by_its_service_and_made_once() -> None:
    metrics = MetricsRegistry("router")
    metrics.counter("offers_total", "Offers", ["result"]).labels("accepted").inc()
    metrics.counter("offers_total", "Offers", ["result"]).labels("accepted").inc(2)
    metrics.gauge("agents", "Agents", ["state"]).labels("ready").set(7)
    metrics.histogram("offer_seconds", "Offers").observe(0.2)
    assert metrics.value("offers_total", result="accepted") == 3
    assert metrics.value("offers_total", result="lost") == 0
    text = exposition([metrics, MetricsRegistry("tickets")]).decode()
    assert 'careline_router_agents{state="ready"} 7.0' in text
    assert "careline_router_offer_seconds_sum 0.2" in text
    with pytest.raises(TypeError, match="careline_router_agents is a Gauge"):
        metrics.counter("agents", "Agents")
