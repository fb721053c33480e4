"""Bodies as the service takes them, and answers as they may be kept."""

from dataclasses import replace
from typing import Any

from careline_router import views
from careline_router.api.schemas import WrapUp


def as_wrap_up(body: WrapUp) -> views.WrapUp:
    """The wire form of a wrap-up as the service takes it."""
    return views.WrapUp(
        disposition=body.disposition,
        resolved=body.resolved,
        subjects=tuple(body.subjects),
        booking=body.booking.model_dump(exclude_none=True) if body.booking else None,
        notes=body.notes,
    )


def impersonal(view: Any) -> Any:
    """The same without number, customer and recording: kept answers outlive a person's erasure."""
    match view:
        case views.CallView():
            return replace(view, caller=None, recording=_without_url(view))
        case views.CallbackView():
            return replace(view, phone=None)
        case views.AppointmentView():
            return replace(view, speciality=None)
        case views.AgentView(offer=offer, call=call):
            return replace(
                view,
                offer=offer and replace(offer, caller=None, customer=None),
                call=call and impersonal(call),
            )
        case _:  # no person stands in any other
            return view


def _without_url(call: views.CallView) -> dict[str, object] | None:
    if call.recording is None:
        return None
    return {key: value for key, value in call.recording.items() if key != "url"}
