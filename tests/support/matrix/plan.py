"""Which cells the matrix has, which of them cannot be, and which a short run takes."""

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations, product


class Form(StrEnum):
    STANDALONE = "standalone"
    SERVICES = "services"


class Step(StrEnum):
    """The steps of the story, in its order."""

    CONFIGURATION = "configuration"
    ARRIVAL = "arrival"
    LOOKUP = "crm_lookup"
    OFFER = "offer"
    RING = "ring"
    ANSWER = "answer"
    TALK = "talk"
    HANG_UP = "hang_up"
    INVITATION = "invitation"
    RECEIPT = "receipt"
    WRAP_UP = "wrap_up"
    REPLY = "reply"
    APPEAL = "appeal"
    FEED = "feed"
    ANSWER_TO_SENDER = "answer_to_sender"
    FEED_APPEALS = "feed_appeals"
    WORK = "work"
    CLOSE = "close"


class Victim(StrEnum):
    CARELINE = "careline"
    ROUTER = "router"
    TICKETS = "tickets"
    SURVEYS = "surveys"
    INGEST = "ingest"
    RABBITMQ = "rabbitmq"
    POSTGRESQL = "postgresql"
    SMSC = "smsc"
    SFTP = "sftp"
    ASTERISK = "asterisk"


class Fault(StrEnum):
    """`reset` ends every connection and refuses new ones, `hole` swallows bytes without a word."""

    KILL = "kill"
    STOP = "stop"
    RESET = "reset"
    HOLE = "hole"


SERVICES = frozenset({Victim.ROUTER, Victim.TICKETS, Victim.SURVEYS, Victim.INGEST})
CUTS = frozenset({Fault.RESET, Fault.HOLE})


_CALL = frozenset({Victim.ROUTER, Victim.ASTERISK})
_SMS = frozenset({Victim.SURVEYS, Victim.SMSC})
_FILE = frozenset({Victim.INGEST, Victim.SFTP})
_BUS = frozenset({Victim.RABBITMQ})

TAKES_PART: Mapping[Step, frozenset[Victim]] = {
    Step.CONFIGURATION: SERVICES,
    Step.ARRIVAL: _CALL,
    Step.LOOKUP: _CALL,
    Step.OFFER: _CALL,
    Step.RING: _CALL,
    Step.ANSWER: _CALL,
    Step.TALK: _CALL,
    Step.HANG_UP: _CALL,
    Step.INVITATION: _SMS | _BUS | {Victim.ROUTER},
    Step.RECEIPT: _SMS,
    Step.WRAP_UP: _CALL,
    Step.REPLY: _SMS,
    Step.APPEAL: _SMS | _BUS | {Victim.TICKETS},
    Step.FEED: _FILE,
    Step.ANSWER_TO_SENDER: _FILE,
    Step.FEED_APPEALS: _BUS | {Victim.INGEST, Victim.TICKETS},
    Step.WORK: frozenset({Victim.TICKETS}),
    Step.CLOSE: frozenset({Victim.TICKETS}),
}
"""Who has a part in a step, besides the standalone's one process and the database, which have in all."""


def takes_part(step: Step, victim: Victim) -> bool:
    return victim in {Victim.CARELINE, Victim.POSTGRESQL} or victim in TAKES_PART[step]


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    form: Form
    step: Step
    victim: Victim
    fault: Fault

    def __str__(self) -> str:
        return f"{self.form}/{self.step}/{self.victim}/{self.fault}"


def why_not(cell: Cell) -> str | None:
    """Why a cell cannot be; None for one that can."""
    if cell.form is Form.STANDALONE:
        if cell.victim in SERVICES:
            return "the standalone runs all four services in one process: victim careline"
        if cell.victim is Victim.RABBITMQ:
            return "the standalone has no broker: events go over tables of its PostgreSQL"
        if cell.victim is Victim.POSTGRESQL and cell.fault in CUTS:
            return "the standalone reaches its own child over a Unix socket: no network to cut"
    elif cell.victim is Victim.CARELINE:
        return "each of the four services is a process and a victim by itself"
    return None


def grid() -> Iterator[Cell]:
    """Every cell, those that cannot be included."""
    for form, step, victim, fault in product(Form, Step, Victim, Fault):
        yield Cell(form, step, victim, fault)


def whole() -> list[Cell]:
    return [cell for cell in grid() if why_not(cell) is None]


def not_applicable() -> Mapping[str, int]:
    """How many cells cannot be, by reason."""
    counted: dict[str, int] = {}
    for cell in grid():
        reason = why_not(cell)
        if reason is not None:
            counted[reason] = counted.get(reason, 0) + 1
    return counted


Pair = tuple[tuple[int, StrEnum], tuple[int, StrEnum]]


def pairs_of(cell: Cell) -> set[Pair]:
    """The pairs of values that a cell covers, each value with the number of its dimension."""
    values = enumerate((cell.form, cell.step, cell.victim, cell.fault))
    return set(combinations(values, 2))


def pairwise(seed: int) -> list[Cell]:
    """Few cells in which every pair of values that can meet does meet; of steps and victims those in
    which the victim takes part in the step, the bystanders being left to the whole matrix. Greedy: each
    next cell is the one that covers most pairs not met yet, of such the one whose step has fewest cells,
    so that they fit into few stories; ties by the seed."""
    cells = [cell for cell in whole() if takes_part(cell.step, cell.victim)]
    random.Random(seed).shuffle(cells)
    covers = {cell: pairs_of(cell) for cell in cells}
    missing = set[Pair]().union(*covers.values())
    chosen: list[Cell] = []
    taken = Counter[tuple[Form, Step]]()
    while missing:
        best = max(
            cells,
            key=lambda cell: (len(covers[cell] & missing), -taken[cell.form, cell.step]),
        )
        chosen.append(best)
        taken[best.form, best.step] += 1
        missing -= covers[best]
    return chosen


Plan = Mapping[Step, Cell]
"""One story: at most one fault in each of its steps."""


def stories(cells: Iterable[Cell], form: Form) -> list[Plan]:
    """Puts the cells of one form into as few stories as can be, each with one fault a step."""
    waiting: dict[Step, list[Cell]] = {step: [] for step in Step}
    for cell in cells:
        if cell.form is form:
            waiting[cell.step].append(cell)
    plans: list[Plan] = []
    while any(waiting.values()):
        plans.append({step: queue.pop() for step, queue in waiting.items() if queue})
    return plans


def drawn(seed: int, count: int) -> list[Cell]:
    """`count` cells of the whole, or the whole, in an order drawn by the seed."""
    cells = whole()
    return random.Random(seed).sample(cells, min(count, len(cells)))
