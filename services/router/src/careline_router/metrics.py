"""The router's metrics: `careline_router_…`."""

from collections import Counter
from typing import Protocol

from careline_common.observability.metrics import MetricsRegistry
from careline_router.domain import events as ev
from careline_router.domain.floor import Floor
from careline_router.domain.words import AGENT_STATES

WAITING_STATES = frozenset({"queued", "offered"})


class Committed(Protocol):
    """A batch that stands; `work` are the ids of its appeals, which stand on the floor as calls do."""

    events: list[ev.Event]
    work: set[str]


class RouterMetrics:
    def __init__(self, registry: MetricsRegistry) -> None:
        self.registry = registry
        self.calls = registry.counter("calls_total", "Calls that have ended", ["outcome"])
        self.arrived = registry.counter("calls_arrived_total", "Calls that have arrived")
        self.work = registry.counter(
            "work_items_total",
            "Appeals that were worked on as calls are, and are over",
            ["outcome"],
        )
        self.work_arrived = registry.counter(
            "work_items_arrived_total",
            "Appeals that were put on the floor, to be offered as calls are",
        )
        self.unknown_lines = registry.counter(
            "unknown_line_calls_total", "Calls to a line that is not configured"
        )
        self.not_open = registry.counter(
            "closed_line_calls_total", "Calls to a line that is not open, by its state", ["state"]
        )
        self.offers = registry.counter("offers_total", "Offers that have ended", ["end"])
        self.waiting = registry.gauge("waiting_calls", "Calls that wait, the offered included")
        self.longest_wait = registry.gauge(
            "longest_wait_seconds",
            "How long the call that waits longest in a queue has waited; 0 when none does",
            ["queue"],
        )
        self.estimate_error = registry.gauge(
            "wait_estimate_error_seconds",
            "How far estimates of the wait were from what came, of the last calls that waited: mean,"
            " 90th percentile, and bias (above 0: they waited less)",
            ["queue", "figure"],
        )
        self.promises = registry.gauge(
            "callback_promises",
            "Callbacks promised since the floor began, and what became of them",
            ["queue", "fate"],
        )
        self.agents = registry.gauge("agents", "Agents by state", ["state"])
        self.pbx_up = registry.gauge(
            "pbx_up", "1 while a PBX that is watched answers, 0 while it is down", ["pbx"]
        )
        self.commands_failed = registry.counter(
            "pbx_commands_failed_total", "Commands that a PBX could not carry out", ["type"]
        )
        self.crm = registry.counter(
            "crm_lookups_total", "Look-ups of callers", ["status", "reason"]
        )
        self.crm_requests = registry.counter(
            "crm_requests_total",
            "Questions to the CRM itself; the cache answers the rest",
            ["ending"],
        )
        self.booking_requests = registry.counter(
            "booking_requests_total",
            "Questions and orders to the booking system: done, or why not",
            ["what", "ending"],
        )
        self.booking_orders = registry.gauge(
            "booking_orders_under_way",
            "Orders to the booking system whose outcome is not known; it is asked about them",
        )
        self.records = registry.counter(
            "records_lookups_total",
            "Look-ups in insurance records, for an agent's desk and for a call's flow",
            ["purpose", "status", "reason"],
        )
        self.records_requests = registry.counter(
            "records_requests_total",
            "Questions to the insurance records themselves; the cache answers the rest",
            ["ending"],
        )
        self.rejected = registry.counter(
            "commands_rejected_total", "Commands that were not legal", ["reason"]
        )
        self.without_effect = registry.counter(
            "commands_without_effect_total", "Facts that came too late, and repeats", ["command"]
        )
        self.bisected = registry.counter(
            "batches_bisected_total", "Batches that were halved to find the one at fault"
        )
        self.leading = registry.gauge("leading", "1 while this process leads the floor")
        self.commit_seconds = registry.histogram("commit_seconds", "One batch, engine and commit")
        self.batch_size = registry.histogram(
            "batch_commands", "Commands in a batch", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256)
        )

    def committed(self, batch: Committed) -> None:
        """Counts what a batch has done."""
        for event in batch.events:
            match event:
                case ev.CallRegistered():
                    (self.work_arrived if event.call_id in batch.work else self.arrived).inc()
                case ev.CallEnded():
                    ended = self.work if event.call_id in batch.work else self.calls
                    ended.labels(event.outcome).inc()
                case ev.OfferClosed():
                    self.offers.labels(event.end).inc()
                case ev.CallConnected():
                    self.offers.labels("connected").inc()

    def measure(self, floor: Floor, now: float) -> None:
        """Sets the gauges to what the floor is at `now` (seconds since the epoch). Appeals wait for days, and nobody
        is to be woken for them."""
        waiting = [
            call
            for call in floor.calls.values()
            if call.state in WAITING_STATES and call.control != "desk"
        ]
        self.waiting.set(len(waiting))
        states = Counter(agent.state for agent in floor.agents.values())
        for state in AGENT_STATES:
            self.agents.labels(state).set(states[state])
        waits = dict.fromkeys(floor.queues, 0.0)
        for call in waiting:
            if call.queue is not None:
                since = call.queued_at if call.queued_at is not None else call.arrived_at
                waits[call.queue] = max(waits.get(call.queue, 0.0), now - since)
        for queue, wait in waits.items():
            self.longest_wait.labels(queue).set(wait)
        self._measure_words(floor)

    def _measure_words(self, floor: Floor) -> None:
        """How far what callers were told and promised came true; only where somebody was."""
        for queue in floor.queues:
            error = floor.estimates.error(queue)
            figures = {"mae": error.mae_s, "p90": error.p90_s, "bias": error.bias_s}
            for figure, seconds in figures.items():
                if seconds is not None:
                    self.estimate_error.labels(queue, figure).set(seconds)
        for each in floor.promises.figures():
            fates = {
                "made": each.made,
                "kept": each.kept,
                "late": each.late,
                "dropped": each.dropped,
            }
            for fate, count in fates.items():
                self.promises.labels(each.queue, fate).set(count)

    def stepped_down(self) -> None:
        """What this process knew of the floor is no longer so: another one tells it now."""
        self.leading.set(0)
        self.waiting.set(0)
        self.agents.clear()
        self.longest_wait.clear()
        self.pbx_up.clear()
        self.estimate_error.clear()
        self.promises.clear()
