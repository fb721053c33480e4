"""What a flow's branch says of its calls beside where they go: clocks, a recipe, recording, ways out of the wait."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from careline_router.domain.specs import QueueSpec, RelaxStep
from careline_router.domain.words import Priority

Exit = Literal["voicemail", "overflow"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WayOut:
    """A way to leave the queue without an agent: `voicemail`, or `overflow` to an `endpoint`.

    After `after_s` seconds of waiting (None: the longest wait of the call's class) the caller is told of it by
    `media`, by language, and takes it with `key`; without a key he is sent there then.
    """

    to: Exit
    after_s: float | None = None
    key: str | None = None
    endpoint: str | None = None
    media: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What holds for a call in place of what its queue says; None: what the queue says.

    With `records` its talk is recorded, unless the caller refuses by `refuse_key`. `survey` is the key of the one that
    asks him how it was.
    """

    target_s: float | None = None
    recipe: tuple[RelaxStep, ...] | None = None
    wrap_up_s: float | None = None
    survey: str | None = None
    records: bool = False
    refuse_key: str | None = None
    ways_out: tuple[WayOut, ...] = ()


NO_TERMS = Terms()


def elsewhere(terms: Terms) -> Terms:
    """What is left of them in another queue: its own clocks and recipe hold there."""
    return replace(terms, target_s=None, recipe=None, wrap_up_s=None)


def target_of(terms: Terms, queue: QueueSpec) -> float:
    """Within how many seconds a call counts as answered in time."""
    return queue.target_s if terms.target_s is None else terms.target_s


def recipe_of(terms: Terms, queue: QueueSpec) -> tuple[RelaxStep, ...]:
    return queue.recipe if terms.recipe is None else terms.recipe


def due_after(way: WayOut, queue: QueueSpec, priority: Priority) -> float:
    """After how many seconds of waiting a way out is open."""
    return queue.max_wait_of(priority) if way.after_s is None else way.after_s
