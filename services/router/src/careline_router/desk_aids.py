"""What an agent works with on a call: script and links of its line, the words of its queue."""

from typing import Any

from careline_router.floorplan import FloorPlan


def desk_aids(plan: FloorPlan, call_id: str, *, line: str, queue: str | None) -> dict[str, Any]:
    """Lists that are empty allow any word. Links have the call's id in them and nothing of the caller."""
    of_line = plan.line(line)
    of_queue = plan.queues.get(queue or "")
    return {
        "script": None if of_line is None else of_line.script or None,
        "links": [
            {"title": link.title, "url": link.url.replace("{call_id}", call_id)}
            for link in ([] if of_line is None else of_line.links)
        ],
        "dispositions": [] if of_queue is None else of_queue.dispositions,
        "subjects": [] if of_queue is None else of_queue.subjects,
        "no_booking_reasons": [] if of_queue is None else of_queue.no_booking_reasons,
    }
