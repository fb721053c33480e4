"""What a queue's callers are told of their wait and are promised, as the floor has it now."""

from careline_router.domain.floor import Floor
from careline_router.domain.promises import QueuePromises
from careline_router.views import EstimateView, PromisesView


def estimate_of(floor: Floor, queue: str, now: float) -> EstimateView:
    """For a caller who came now: as long as whoever waits longest in this queue, else as the last one."""
    heads = [
        now - first[0]
        for waiting in floor.waiting.classes.values()
        if waiting.queue == queue
        and not waiting.interruptible  # appeals wait for days, and behind every caller
        and (first := waiting.first()) is not None
    ]
    error = floor.estimates.error(queue)
    head = max(heads, default=None)
    return EstimateView(
        band_s=floor.estimates.band(queue, floor.estimates.estimate(queue, head)),
        mae_s=_rounded(error.mae_s),
        p90_s=_rounded(error.p90_s),
        bias_s=_rounded(error.bias_s),
        n=error.n,
    )


def promises_of(floor: Floor) -> dict[str, PromisesView]:
    """By queue; none for a queue of which nothing was ever promised."""
    return {each.queue: _promises(each) for each in floor.promises.figures()}


def _promises(figures: QueuePromises) -> PromisesView:
    return PromisesView(
        made=figures.made, kept=figures.kept, late=figures.late, dropped=figures.dropped
    )


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 2)
