"""The section `sms`: what is accepted, and what is said of what is not."""

from typing import Any

import pytest
from pydantic import ValidationError

from careline_surveys.config_sms import SmsEntry

pytestmark = pytest.mark.unit

SMPP: dict[str, Any] = {
    "id": "s1", "kind": "smpp", "host": "smsc.example", "port": 2775, "system_id": "careline",
}  # fmt: skip


def test_an_smpp_entry_needs_little() -> None:
    entry = SmsEntry.model_validate(SMPP)
    assert (entry.bind, entry.window, entry.long_messages) == ("transceiver", 10, "udh")


@pytest.mark.parametrize(
    ("changes", "at", "reason"),
    [
        ({"port": 70_000}, "port", "less than or equal to 65535"),
        ({"bind": "both"}, "bind", "'transceiver' or 'tx_rx'"),
        ({"window": 0}, "window", "greater than or equal to 1"),
        ({"source": "x" * 21}, "source", "at most 20"),
        ({"source": "Клиника"}, "source", "match pattern"),
        ({"system_id": "x" * 16}, "system_id", "at most 15"),
        ({"long_messages": "split"}, "long_messages", "'udh', 'udh8', 'sar' or 'payload'"),
        ({"response_ids": "octal"}, "response_ids", "'text', 'hex' or 'decimal'"),
        ({"per_second": 0}, "per_second", "greater than 0"),
        ({"windw": 5}, "windw", "not permitted"),
        ({"host": None}, "", "kind smpp needs host"),
        ({"url": "http://a.example"}, "", "kind smpp has no url"),
        ({"receipt_ids": "decimal"}, "", "both text, or each is hex or decimal"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], at: str, reason: str) -> None:
    with pytest.raises(ValidationError) as caught:
        SmsEntry.model_validate(SMPP | changes)
    [fault] = caught.value.errors()
    assert ".".join(str(step) for step in fault["loc"]) == at
    assert reason in fault["msg"]


def test_settings_of_another_kind_are_refused() -> None:
    with pytest.raises(ValidationError, match="kind console has no window"):
        SmsEntry.model_validate({"id": "c", "kind": "console", "window": 5})


HTTP: dict[str, Any] = {
    "id": "acme", "kind": "http", "url": "https://sms.example/send", "callback_secret": "x" * 16,
    "map": {
        "send": {"msisdn": "{to}", "body": "{text}"},
        "answer": {"message_id": "$.id"},
        "status": {"message_id": "$.id", "status": "$.state"},
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"map": HTTP["map"] | {"send": {"body": "{text}"}}}, "send needs {to} and {text}"),
        ({"map": HTTP["map"] | {"send": {"a": "{to}{text}{pin}"}}}, "there is no {pin}"),
        ({"map": HTTP["map"] | {"answer": {"message_id": "id"}}}, "match pattern"),
        (
            {"map": HTTP["map"] | {"answer": {"message_id": "$.id", "failed": ["3"]}}},
            "say where it stands",
        ),
        ({"callback_secret": None}, "they need a callback_secret"),
        ({"callback_secret": "short"}, "at least 16"),
        ({"map": None}, "kind http needs map"),
        ({"url": "ftp://a.example"}, "http"),
        ({"kind": "twilio", "map": None}, "kind twilio needs account, key"),
        ({"sign_name": "x"}, "kind http has no sign_name"),
    ],
)
def test_what_is_wrong_with_a_mapped_provider_is_named(
    changes: dict[str, Any], reason: str
) -> None:
    assert SmsEntry.model_validate(HTTP).map is not None
    with pytest.raises(ValidationError) as caught:
        SmsEntry.model_validate(HTTP | changes)
    assert reason in str(caught.value)


def test_twilio_sends_by_a_number_or_by_a_service() -> None:
    entry = {"id": "t", "kind": "twilio", "account": "AC1", "key": "k"}
    SmsEntry.model_validate(entry | {"source": "+15005550006"})
    SmsEntry.model_validate(entry | {"messaging_service": "MG0123456789"})
    for changes in ({}, {"source": "+1500", "messaging_service": "MG0123456789"}):
        with pytest.raises(ValidationError, match="source or messaging_service"):
            SmsEntry.model_validate(entry | changes)
