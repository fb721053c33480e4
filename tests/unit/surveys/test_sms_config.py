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
