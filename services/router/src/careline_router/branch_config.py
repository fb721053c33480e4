"""What a branch of a flow may say of its calls beside where they go, as configured."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from careline_common.config.models import ConfigModel, Id
from careline_router.domain import terms
from careline_router.floor_config import RelaxStep, Seconds, SecondsOrNone
from careline_router.self_service_config import Endpoint, Key, Texts

MOST_WAYS_OUT = 5


class Recording(ConfigModel):
    """Whether the talk is recorded. `consent` is what callers hear of that before they wait, by language; who then
    presses `refuse_key`, waiting or talking, is not recorded, or no more."""

    on: bool
    consent: Texts = Field(default_factory=dict)
    refuse_key: Key | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if not self.on and (self.consent or self.refuse_key is not None):
            raise ValueError("nothing is recorded, so nobody is asked: drop consent and refuse_key")
        if self.refuse_key is not None and not self.consent:
            raise ValueError("say in consent that refuse_key refuses the recording")
        return self


class WayOut(ConfigModel):
    """A way out of the queue: `voicemail`, or `overflow` to an `endpoint`, when a caller has waited `after_s` seconds (the
    longest wait of his class, when absent). With `key` he is told of it by `media` and may take it; without, he is
    sent there."""

    to: Literal["voicemail", "overflow"]
    after_s: SecondsOrNone | None = None
    key: Key | None = None
    endpoint: Endpoint | None = None
    media: Texts = Field(default_factory=dict)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.endpoint is not None) != (self.to == "overflow"):
            raise ValueError("overflow needs an endpoint, voicemail has none")
        if self.key is not None and not self.media:
            raise ValueError("say in media what the key is for")
        if self.key is None and (self.media or self.after_s == 0):
            raise ValueError("without a key it has no media, and comes after some waiting")
        return self

    def spec(self) -> terms.WayOut:
        return terms.WayOut(
            to=self.to,
            after_s=self.after_s,
            key=self.key,
            endpoint=self.endpoint,
            media=dict(self.media),
        )


class BranchTerms(ConfigModel):
    """`target_s`, `recipe` and `wrap_up_s` hold for its calls in place of their queue's; `survey` is the key of the
    survey that asks about them."""

    target_s: Seconds | None = None
    recipe: Annotated[list[RelaxStep], Field(max_length=50)] | None = None
    wrap_up_s: SecondsOrNone | None = None
    survey: Id | None = None
    recording: Recording | None = None
    ways_out: Annotated[list[WayOut], Field(max_length=MOST_WAYS_OUT)] = Field(default_factory=list)

    def terms(self) -> terms.Terms:
        recording = self.recording or Recording(on=False)
        return terms.Terms(
            target_s=self.target_s,
            recipe=None if self.recipe is None else tuple(step.spec() for step in self.recipe),
            wrap_up_s=self.wrap_up_s,
            survey=self.survey,
            records=recording.on,
            refuse_key=recording.refuse_key,
            ways_out=tuple(way.spec() for way in self.ways_out),
        )

    def keys(self) -> list[tuple[str, str]]:
        """The keys that mean something to who waits: path inside the branch, and key."""
        found = [(f"ways_out[{place}].key", way.key) for place, way in enumerate(self.ways_out)]
        if self.recording is not None:
            found.append(("recording.refuse_key", self.recording.refuse_key))
        return [(path, key) for path, key in found if key is not None]

    def term_faults(
        self, queues: Iterable[str], skills: Iterable[str]
    ) -> Iterator[tuple[str, str]]:
        """What does not fit: path inside the branch, and reason."""
        for index, step in enumerate(self.recipe or ()):
            for path, reason in step.faults(queues, skills):
                yield f"recipe[{index}].{path}", reason
        taken: dict[str, str] = {}
        for path, key in self.keys():
            if key in taken:
                yield path, f"key {key} is taken by {taken[key]}"
            taken.setdefault(key, path)
