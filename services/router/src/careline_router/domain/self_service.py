"""What a caller does by himself before anybody answers: menus, questions, things read to him.

Pure: nodes, where the caller is, what he pressed, what is known of him; and the step that follows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from careline_router.domain.flows import is_reached
from careline_router.domain.prompts import prompt_in
from careline_router.domain.words import LineState

HUMAN = "human"
"""The way out of every node: the flow's rules say who answers."""
HUMAN_KEY = "0"
END_KEY = "#"
ENTERED, SILENCE, DIGITS, WRONG = "entered", "silence", "digits", "wrong"
"""What a caller did, where it is not the one key of a menu."""

NodeKind = Literal[
    "menu", "play", "collect", "verify", "appeal_status", "hours", "voicemail", "overflow", "end"
]
ASKS: frozenset[NodeKind] = frozenset({"menu", "collect", "verify"})
Check = Literal["birth_date", "policy_number"]
Texts = Mapping[str, str]
End = Literal["human", "voicemail", "overflow", "self_served"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One node. `media` is by language tag, `by` is what is read by a word (hours, appeal_status).

    `next` follows what was done or said, `otherwise` what was not: `tries` keys that mean nothing, or
    `wait_s` seconds without any, as often. Collected are `least` to `most` digits.
    """

    kind: NodeKind
    media: Texts = field(default_factory=dict)
    by: Mapping[str, Texts] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)
    next: str = HUMAN
    otherwise: str = HUMAN
    tries: int = 2
    wait_s: float = 15.0
    least: int = 1
    most: int = 20
    check: Check | None = None
    endpoint: str | None = None
    code: str | None = None
    """Where he has keyed the tracking code of the appeal that is read; None: it is the last one from his number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Emergency:
    """The key that leads to medical help from everywhere, and what tells of it before anything else."""

    key: str
    endpoint: str
    media: Texts = field(default_factory=dict)
    answer: Texts = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfService:
    """The self-service of a flow. Who has one of these needs, or is so old, is not asked, or asked slowly."""

    start: str
    nodes: Mapping[str, Node]
    emergency: Emergency | None = None
    skip_needs: frozenset[str] = frozenset()
    skip_age: int | None = None
    slow_needs: frozenset[str] = frozenset()
    slow_age: int | None = None

    def first_words(self, hears: str | None) -> tuple[str, ...]:
        """What everybody hears before anything else: of the key for emergencies, which works in the queue too."""
        said = None if self.emergency is None else prompt_in(self.emergency.media, hears)
        return () if said is None else (said,)

    def skips(self, needs: frozenset[str], age: int | None) -> bool:
        return bool(needs & self.skip_needs) or is_reached(age, self.skip_age)

    def is_slow(self, needs: frozenset[str], age: int | None) -> bool:
        return bool(needs & self.slow_needs) or is_reached(age, self.slow_age)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """What is known of the caller. `hears` is the tag by which his recordings are chosen, `checks` are the digits
    by which he may be verified, `appeal` is how
    his last one stands, `collected` what he has keyed by node, `coded` how appeals stand by their keyed code."""

    hears: str | None = None
    opening: LineState = "open"
    appeal: str | None = None
    checks: Mapping[str, str] = field(default_factory=dict)
    collected: Mapping[str, Any] = field(default_factory=dict)
    coded: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class At:
    """Where a caller is: at a node that asks him, for the how many-th time, with the digits so far."""

    node: str
    tries: int = 0
    typed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What follows: he hears `media`, and is `at` a node again or goes on (`end`).

    `inputs` are what was learned from him, `path` the nodes that he came through and what he did there.
    """

    media: tuple[str, ...] = ()
    at: At | None = None
    wait_s: float = 0.0
    end: End | None = None
    endpoint: str | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    path: tuple[tuple[str, str], ...] = ()
    served: bool = False
    """Whether he has heard something that one may call for."""
    wants: tuple[str, ...] = ()
    """Tracking codes, as keyed, of which one has to know before this step can be made."""


class Walk:
    """One step of a caller through a self-service."""

    def __init__(self, service: SelfService, caller: Caller) -> None:
        self._service = service
        self._caller = caller
        self._media: list[str] = []
        self._inputs: dict[str, Any] = {}
        self._path: list[tuple[str, str]] = []
        self._served = False
        self._wants: list[str] = []

    def enter(self) -> Step:
        """He has just come: of the key for emergencies he hears first."""
        self._media += self._service.first_words(self._caller.hears)
        return self._to(self._service.start)

    def press(self, at: At, keys: str) -> Step:
        """He has pressed keys; what he types ahead is taken without playing what would be said before.

        The key for emergencies counts wherever he is and whatever he has pressed besides.
        """
        emergency = self._service.emergency
        if emergency is not None and emergency.key in keys:
            self._path.append((at.node, emergency.key))
            self._say(emergency.answer)
            return self._end("overflow", emergency.endpoint)
        step = self._stay(at)
        for key in keys:
            if step.at is None:
                break
            self._media = []
            step = self._press(step.at, key)
        return step

    def silence(self, at: At) -> Step:
        """He has pressed nothing in time. Digits without an end count as they are."""
        node = self._service.nodes.get(at.node)
        if node is None:
            return self._end("human")
        if at.typed and node.kind != "menu":
            return self._entered(at, node)
        return self._again(at, node, SILENCE)

    # -- keys ----------------------------------------------------------------------------------

    def _press(self, at: At, key: str) -> Step:
        node = self._service.nodes.get(at.node)
        if node is None:  # the flow was changed meanwhile
            return self._end("human")
        if node.kind == "menu":
            return self._choose(at, node, key)
        if key == END_KEY:
            return self._entered(at, node)
        typed = At(node=at.node, tries=at.tries, typed=at.typed + key)
        return self._entered(typed, node) if len(typed.typed) >= node.most else self._stay(typed)

    def _choose(self, at: At, node: Node, key: str) -> Step:
        target = HUMAN if key == HUMAN_KEY else node.keys.get(key)
        if target is None:
            return self._again(at, node, WRONG)
        self._path.append((at.node, key))
        self._inputs[at.node] = key
        return self._to(target)

    def _entered(self, at: At, node: Node) -> Step:
        """The digits are complete."""
        if at.typed == HUMAN_KEY and node.least > 1:
            self._path.append((at.node, HUMAN_KEY))
            return self._end("human")
        if not node.least <= len(at.typed) <= node.most or not at.typed.isdecimal():
            return self._again(at, node, WRONG)
        if node.kind == "verify":
            if at.typed != self._caller.checks.get(node.check or ""):
                return self._again(at, node, WRONG)
            self._inputs["verified"] = True
        else:
            self._inputs[at.node] = at.typed
        self._path.append((at.node, DIGITS))
        return self._to(node.next)

    def _again(self, at: At, node: Node, what: str) -> Step:
        """Asks once more, as often as may be; then it goes on otherwise."""
        self._path.append((at.node, what))
        if at.tries + 1 >= node.tries:
            return self._to(node.otherwise)
        self._say(node.media)
        return self._stay(At(node=at.node, tries=at.tries + 1))

    # -- nodes ---------------------------------------------------------------------------------

    def _to(self, name: str) -> Step:
        """Through everything that asks nothing, to the next question or the end."""
        for _ in range(len(self._service.nodes) + 1):
            node = self._service.nodes.get(name)
            if node is None:
                return self._end("human")
            self._path.append((name, ENTERED))
            if node.kind in {"hours", "appeal_status"}:
                self._say(node.by.get(self._word(node) or "none", node.media))
                self._served = True
            elif node.kind != "verify" or node.check in self._caller.checks:
                self._say(node.media)
            match node.kind:
                case "voicemail":
                    return self._end("voicemail")
                case "overflow":
                    return self._end("overflow", node.endpoint)
                case "end":
                    return self._end("self_served")
                case "verify" if node.check not in self._caller.checks:
                    name = node.otherwise  # nobody knows what he would have to say
                case "menu" | "collect" | "verify":
                    return self._stay(At(node=name))
                case _:
                    name = node.next
        return self._end("human")

    def _word(self, node: Node) -> str | None:
        """By which a node reads what it has to say."""
        if node.kind == "hours":
            return self._caller.opening
        if node.code is None:
            return self._caller.appeal
        keyed = str(self._inputs.get(node.code, self._caller.collected.get(node.code, "")))
        if keyed not in self._caller.coded:
            self._wants.append(keyed)
        return self._caller.coded.get(keyed)

    def _say(self, media: Texts) -> None:
        said = prompt_in(media, self._caller.hears)
        if said is not None:
            self._media.append(said)

    def _stay(self, at: At) -> Step:
        node = self._service.nodes.get(at.node)
        return Step(
            media=tuple(self._media),
            at=at,
            wait_s=0.0 if node is None else node.wait_s,
            inputs=dict(self._inputs),
            path=tuple(self._path),
            served=self._served,
            wants=tuple(self._wants),
        )

    def _end(self, end: End, endpoint: str | None = None) -> Step:
        return Step(
            media=tuple(self._media),
            end=end,
            endpoint=endpoint,
            inputs=dict(self._inputs),
            path=tuple(self._path),
            wants=tuple(self._wants),
        )
