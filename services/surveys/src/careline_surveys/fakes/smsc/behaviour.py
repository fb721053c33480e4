"""How the fake SMSC behaves: settings that hold, and faults for single messages."""

import random
from collections import deque
from dataclasses import dataclass, field
from typing import Literal, get_args

from careline_surveys.adapters.smpp import pdu

IdForm = Literal["hex", "HEX", "decimal", "padded"]
Receipts = Literal["after", "before", "none"]
Fault = Literal[
    "ok", "throttle", "queue_full", "refuse", "system_error", "silence", "lose", "drop_before",
    "drop_after", "slow",
]  # fmt: skip
"""`silence` and `drop_after` record the message, `lose` and `drop_before` do not; none is answered."""

FAULTS: tuple[Fault, ...] = get_args(Fault)
STATUS: dict[Fault, int] = {
    "throttle": pdu.THROTTLED,
    "queue_full": pdu.QUEUE_FULL,
    "refuse": 0x0B,
    "system_error": pdu.SYSTEM_ERROR,
}


@dataclass(kw_only=True)
class Behaviour:
    """Times are in seconds. `chances` are of faults where none is scripted, from 0 to 1."""

    response_ids: IdForm = "hex"
    receipt_ids: IdForm = "hex"
    receipts: Receipts = "after"
    receipt_after_s: float = 0.02
    receipt_spread_s: float = 0.0
    """Up to so much later, by chance: receipts come in another order than messages."""
    stat: str = "DELIVRD"
    tlvs: bool = True
    """Receipts have receipted_message_id and message_state beside their text."""
    text: bool = True
    echo_reference: bool = False
    """Receipts repeat the user_message_reference of the message."""
    slow_s: float = 2.0
    redeliver_after_s: float = 1.0
    chances: dict[str, float] = field(default_factory=dict)
    seed: int = 1

    def __post_init__(self) -> None:
        self._script: deque[Fault] = deque()
        self._chance = random.Random(self.seed)  # noqa: S311 - a test's dice

    def script(self, faults: list[str]) -> None:
        """The faults of the next messages, in turn. Raises ValueError for a word that is none."""
        for fault in faults:
            self._script.append(fault_named(fault))

    def next_fault(self) -> Fault:
        if self._script:
            return self._script.popleft()
        drawn = self._chance.random()
        for fault, chance in self.chances.items():
            drawn -= chance
            if drawn < 0:
                return fault_named(fault)
        return "ok"

    def receipt_pause_s(self) -> float:
        return self.receipt_after_s + self._chance.random() * self.receipt_spread_s


def fault_named(word: str) -> Fault:
    found = next((fault for fault in FAULTS if fault == word), None)
    if found is None:
        raise ValueError(f"no fault {word!r}: there are {', '.join(FAULTS)}")
    return found


def written(number: int, form: IdForm) -> str:
    """A message id as this SMSC writes it."""
    forms = {"hex": f"{number:x}", "HEX": f"{number:X}", "decimal": f"{number}"}
    return forms.get(form, f"{number:020d}")
