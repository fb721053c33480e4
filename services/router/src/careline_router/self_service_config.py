"""The self-service of a flow as configured, and what is wrong with one."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import Field

from careline_common.config.models import ConfigModel, Id, Prompts
from careline_router.domain import self_service as domain
from careline_router.domain.prompts import SLOW
from careline_router.domain.self_service import ASKS, HUMAN, HUMAN_KEY

Texts = Prompts
Key = Annotated[str, Field(pattern=r"^[0-9*#]$")]
MenuKey = Annotated[str, Field(pattern=r"^[1-9*#]$")]
Endpoint = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\s\x00]+$")]
Tries = Annotated[int, Field(ge=1, le=10)]
WaitS = Annotated[float, Field(ge=1, le=120)]
Digits = Annotated[int, Field(ge=1, le=40)]
Need = Annotated[str, Field(min_length=1, max_length=100)]
Age = Annotated[int, Field(ge=1, le=150)]
LineWord = Literal["open", "closed", "holiday", "emergency"]
AppealWord = Literal[
    "new", "in_work", "with_expert", "with_insurer", "in_review", "waiting", "closed", "merged", "none",
]  # fmt: skip
MOST_NODES = 200


class _Spoken(ConfigModel):
    """`slow` is another way to write `media` under tags with `-x-slow`, and goes before those."""

    media: Texts
    slow: Texts = Field(default_factory=dict)

    def spoken(self) -> dict[str, str]:
        return {**self.media, **{f"{tag}{SLOW}": media for tag, media in self.slow.items()}}


class _Asking(_Spoken):
    otherwise: Id = HUMAN
    tries: Tries = 2
    wait_s: WaitS = 15


class Menu(_Asking):
    """Keys and where each leads. 0 is always a human."""

    kind: Literal["menu"]
    keys: Annotated[dict[MenuKey, Id], Field(min_length=1)]

    def node(self) -> domain.Node:
        return domain.Node(
            kind="menu",
            media=self.spoken(),
            keys=self.keys,
            otherwise=self.otherwise,
            tries=self.tries,
            wait_s=self.wait_s,
        )


class Collect(_Asking):
    """Digits, ended by # or by silence; conditions see them as `ivr.<node>`. 0 alone is a human."""

    kind: Literal["collect"]
    next: Id = HUMAN
    least: Digits = 1
    most: Digits = 20

    def node(self) -> domain.Node:
        return domain.Node(
            kind="collect",
            media=self.spoken(),
            next=self.next,
            otherwise=self.otherwise,
            tries=self.tries,
            wait_s=self.wait_s,
            least=self.least,
            most=self.most,
        )


class Verify(_Asking):
    """Asks for what the CRM knows of the caller: his birth date as DDMMYYYY, or the last four digits of his
    policy. Who says it is `ivr.verified`; of whom the CRM knows nothing is not asked."""

    kind: Literal["verify"]
    check: Literal["birth_date", "policy_number"]
    next: Id = HUMAN

    def node(self) -> domain.Node:
        length = 8 if self.check == "birth_date" else 4
        return domain.Node(
            kind="verify",
            media=self.spoken(),
            next=self.next,
            otherwise=self.otherwise,
            tries=self.tries,
            wait_s=self.wait_s,
            least=length,
            most=length,
            check=self.check,
        )


class Play(_Spoken):
    kind: Literal["play"]
    next: Id

    def node(self) -> domain.Node:
        return domain.Node(kind="play", media=self.spoken(), next=self.next)


class AppealStatus(ConfigModel):
    """Reads how the last appeal of this number stands; `none` when there is none. With `code` that of the tracking code
    which he has keyed in that `collect` node, letters by the keys that they stand on."""

    kind: Literal["appeal_status"]
    by: dict[AppealWord, Texts]
    code: Id | None = None
    media: Texts = Field(default_factory=dict)
    next: Id

    def node(self) -> domain.Node:
        by: Mapping[str, domain.Texts] = {str(word): texts for word, texts in self.by.items()}
        return domain.Node(
            kind="appeal_status", by=by, media=self.media, next=self.next, code=self.code
        )


class Hours(ConfigModel):
    """Reads whether the line is open."""

    kind: Literal["hours"]
    by: dict[LineWord, Texts] = Field(default_factory=dict)
    media: Texts = Field(default_factory=dict)
    next: Id

    def node(self) -> domain.Node:
        by: Mapping[str, domain.Texts] = {str(word): texts for word, texts in self.by.items()}
        return domain.Node(kind="hours", by=by, media=self.media, next=self.next)


class Voicemail(ConfigModel):
    """The PBX records what he says; the call ends with outcome `voicemail`."""

    kind: Literal["voicemail"]
    media: Texts

    def node(self) -> domain.Node:
        return domain.Node(kind="voicemail", media=self.media)


class Overflow(ConfigModel):
    """The PBX puts him through elsewhere; the call ends with outcome `overflow`."""

    kind: Literal["overflow"]
    endpoint: Endpoint
    media: Texts = Field(default_factory=dict)

    def node(self) -> domain.Node:
        return domain.Node(kind="overflow", media=self.media, endpoint=self.endpoint)


class End(ConfigModel):
    """He has what he wanted: the call ends with outcome `self_served`."""

    kind: Literal["end"]
    media: Texts = Field(default_factory=dict)

    def node(self) -> domain.Node:
        return domain.Node(kind="end", media=self.media)


Node = Annotated[
    Menu | Collect | Verify | Play | AppealStatus | Hours | Voicemail | Overflow | End,
    Field(discriminator="kind"),
]


class Emergency(ConfigModel):
    """The key for medical emergencies: `media` tells of it before anything else is said, `endpoint` is who is
    called, from every node; `answer` is played meanwhile."""

    key: Key = "*"
    endpoint: Endpoint
    media: Texts
    answer: Texts = Field(default_factory=dict)


class SelfService(ConfigModel):
    """What callers do by themselves before somebody answers. `human` is the way to somebody.

    Who has one of `skip_needs`, or is `skip_age` or older, goes there at once; who has one of `slow_needs`
    or is `slow_age` is spoken to slowly, as by the flow's own words of that name.
    """

    start: Id
    nodes: Annotated[dict[Id, Node], Field(min_length=1, max_length=MOST_NODES)]
    emergency: Emergency | None = None
    skip_needs: list[Need] = Field(default_factory=list)
    skip_age: Age | None = None
    slow_needs: list[Need] = Field(default_factory=list)
    slow_age: Age | None = None

    def spec(self) -> domain.SelfService:
        emergency = self.emergency
        return domain.SelfService(
            start=self.start,
            nodes={name: node.node() for name, node in self.nodes.items()},
            emergency=None
            if emergency is None
            else domain.Emergency(
                key=emergency.key,
                endpoint=emergency.endpoint,
                media=emergency.media,
                answer=emergency.answer,
            ),
            skip_needs=frozenset(self.skip_needs),
            skip_age=self.skip_age,
            slow_needs=frozenset(self.slow_needs),
            slow_age=self.slow_age,
        )

    def faults(self) -> Iterator[tuple[str, str]]:
        """What is wrong: path inside, and reason."""
        nodes = {name: node.node() for name, node in self.nodes.items()}
        if HUMAN in nodes:
            yield f"nodes.{HUMAN}", "human is the way to somebody, and no name of a node"
        if self.start not in nodes:
            yield "start", f"no node {self.start!r}"
            return
        for name, node in nodes.items():
            for path, target in _ways(node):
                if target != HUMAN and target not in nodes:
                    yield f"nodes.{name}.{path}", f"no node {target!r}"
            if node.least > node.most:
                yield f"nodes.{name}.least", "more than most"
            if node.code is not None and (
                node.code not in nodes or nodes[node.code].kind != "collect"
            ):
                yield f"nodes.{name}.code", f"no node {node.code!r} that collects digits"
        yield from _unreachable(self.start, nodes)
        yield from _endless(nodes)
        yield from self._emergency_faults(nodes)

    def _emergency_faults(self, nodes: Mapping[str, domain.Node]) -> Iterator[tuple[str, str]]:
        if self.emergency is None:
            return
        key = self.emergency.key
        if key == HUMAN_KEY:
            yield "emergency.key", "0 is a human"
            return
        for name, node in nodes.items():
            if key in node.keys:
                yield f"nodes.{name}.keys.{key}", "this is the key for emergencies"
            if node.kind in {"collect", "verify"} and key != "*":
                yield (
                    "emergency.key",
                    f"node {name} takes digits and #: only * is left for emergencies",
                )
                return


def _ways(node: domain.Node) -> Iterator[tuple[str, str]]:
    """Where a node leads, by the key that says so."""
    for key, target in node.keys.items():
        yield f"keys.{key}", target
    if node.kind in {"play", "hours", "appeal_status", "collect", "verify"}:
        yield "next", node.next
    if node.kind in ASKS:
        yield "otherwise", node.otherwise


def _unreachable(start: str, nodes: Mapping[str, domain.Node]) -> Iterator[tuple[str, str]]:
    seen, ahead = {start}, [start]
    while ahead:
        for _, target in _ways(nodes[ahead.pop()]):
            if target in nodes and target not in seen:
                seen.add(target)
                ahead.append(target)
    for name in nodes:
        if name not in seen:
            yield f"nodes.{name}", "unreachable: nothing leads here"


def _endless(nodes: Mapping[str, domain.Node]) -> Iterator[tuple[str, str]]:
    """Who presses nothing, or nothing that is right, must get out: one fault a circle."""
    told: set[str] = set()
    for name in nodes:
        walked: list[str] = []
        here = name
        while here in nodes and here not in walked and here not in told:
            walked.append(here)
            here = _without_keys(nodes[here])
        if here in walked:
            circle = walked[walked.index(here) :]
            told.update(circle)
            asks = any(nodes[each].kind in ASKS for each in circle)
            why = "no way out for who presses nothing" if asks else "an endless loop"
            way = "otherwise" if nodes[here].kind in ASKS else "next"
            yield f"nodes.{here}.{way}", f"{why}: {' → '.join([*circle, here])}"


def _without_keys(node: domain.Node) -> str:
    if node.kind in ASKS:
        return node.otherwise
    return node.next if node.kind in {"play", "hours", "appeal_status"} else HUMAN
