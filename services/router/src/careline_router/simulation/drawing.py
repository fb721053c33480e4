"""What a journal cannot tell of a call, drawn from the day itself.

Who was answered would have waited at least as long: his patience beyond that is drawn from the
Kaplan-Meier curve of everybody's patience, and past its last step from an exponential with the day's
own rate. Who was not answered has no handle time: he gets that of one of his queue who was.

A call's draws depend on the seed and its id alone, so every policy meets the same callers.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from random import Random

from careline_router.simulation.calls import ACCEPTS_CALLBACK, REACHED_BY_CALLBACK
from careline_router.simulation.past import PastCall

DIAL_S = 10.0
ENOUGH = 30
"""A queue that so many have left has a curve of its own; the others share one."""


class NothingHandledError(Exception):
    """No call of the day was answered, so nobody knows how long one takes."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """For how many calls of the day something was drawn."""

    patience: int
    handle_time: int


class Patience:
    """How long callers wait before they give up, of those who did and those who were answered first."""

    def __init__(self, waits: Sequence[tuple[float, bool]]) -> None:
        """`waits` are seconds, and whether the caller gave up then."""
        self.times: list[float] = []
        self.survival: list[float] = []
        """The part that still waits after each of the times."""
        waiting, left = len(waits), 1.0
        for at, group in groupby(sorted(waits), key=lambda one: one[0]):
            gave_up = [gone for _, gone in group]
            if any(gave_up):
                left *= 1 - sum(gave_up) / waiting
                self.times.append(at)
                self.survival.append(left)
            waiting -= len(gave_up)
        waited = math.fsum(wait for wait, _ in waits)
        self.rate = sum(gone for _, gone in waits) / waited if waited > 0 else 0.0

    def beyond(self, waited_s: float, uniform: float) -> float:
        """The patience of somebody who has waited so long; infinite when nobody ever gives up."""
        if self.rate == 0:
            return math.inf
        passed = bisect_right(self.times, waited_s)
        part = uniform * (self.survival[passed - 1] if passed else 1.0)
        for at, left in zip(self.times[passed:], self.survival[passed:], strict=True):
            if left <= part:
                return at
        last = max(waited_s, self.times[-1])
        left = self.survival[-1]
        return last - math.log(part / left) / self.rate if left > 0 and part > 0 else last


def complete(calls: Sequence[PastCall], seed: int) -> tuple[tuple[PastCall, ...], Drawn]:
    """The calls with everything that they need to be played. Raises `NothingHandledError`."""
    chance = _Chances(calls, seed)
    drawn = Drawn(
        patience=sum(one.inbound and one.patience_s is None for one in calls),
        handle_time=sum(one.talk_s is None for one in calls),
    )
    return tuple(map(chance.complete, calls)), drawn


class _Chances:
    """What calls are drawn from."""

    def __init__(self, calls: Sequence[PastCall], seed: int) -> None:
        self._seed = seed
        self._handled = [call for call in calls if call.talk_s is not None]
        if not self._handled:
            raise NothingHandledError
        self._of_queue = {
            queue: list(group)
            for queue, group in groupby(sorted(self._handled, key=_queue), _queue)
        }
        inbound = sorted((call for call in calls if call.inbound), key=_queue)
        self._patience = Patience([_wait(call) for call in inbound])
        waits = {
            queue: [_wait(call) for call in group] for queue, group in groupby(inbound, _queue)
        }
        self._patience_of_queue = {
            queue: Patience(of_queue)
            for queue, of_queue in waits.items()
            if sum(gave_up for _, gave_up in of_queue) >= ENOUGH
        }
        self._accepts = _part([call.accepts for call in calls], ACCEPTS_CALLBACK)
        self._reached = _part([call.reached for call in calls], REACHED_BY_CALLBACK)

    def complete(self, call: PastCall) -> PastCall:
        """Every call draws the same number of times, so that one draw does not move another."""
        chance = Random(f"{self._seed} {call.id}")  # noqa: S311 - no secret
        like = chance.choice(self._of_queue.get(call.request.queue, self._handled))
        patience = self._patience_of_queue.get(call.request.queue, self._patience)
        beyond = patience.beyond(call.waited_s, chance.random()) if call.inbound else math.inf
        accepts, reached = chance.random() < self._accepts, chance.random() < self._reached
        taken = like if call.talk_s is None else call
        return replace(
            call,
            talk_s=taken.talk_s,
            wrap_up_s=taken.wrap_up_s,
            answer_s=like.answer_s if call.answer_s is None else call.answer_s,
            patience_s=beyond if call.patience_s is None else call.patience_s,
            accepts=accepts if call.accepts is None else call.accepts,
            reached=reached if call.reached is None else call.reached,
            dial_s=DIAL_S if call.dial_s is None else call.dial_s,
        )


def _queue(call: PastCall) -> str:
    return call.request.queue


def _wait(call: PastCall) -> tuple[float, bool]:
    return call.waited_s, call.ending == "abandoned"


def _part(seen: Sequence[bool | None], otherwise: float) -> float:
    known = [one for one in seen if one is not None]
    return sum(known) / len(known) if known else otherwise
