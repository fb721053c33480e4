"""Every event there is."""

from careline_router.domain import events as ev
from careline_router.domain import presence_events as pev
from careline_router.domain import transfer_events as tev

EVENTS: tuple[type[ev.Event], ...] = (
    ev.FloorConfigured, ev.QueuesConfigured, ev.AgentsConfigured, ev.CallRegistered, ev.CallerAsked,
    ev.CallerSilent, ev.CallQueued, ev.CallReleased, ev.CallPressed, ev.RequirementRelaxed, ev.CallMoved,
    ev.PriorityChanged, ev.WayOutOffered, ev.RecordingRefused, ev.DigitsPressed, ev.OfferMade,
    ev.OfferAccepted, ev.OfferClosed, ev.ExclusionLifted, ev.CallConnected, ev.CallRequeued,
    ev.WorkInterrupted, ev.WorkResumed, ev.CallbackOffered, ev.CallbackMade, ev.CallbackDue,
    ev.DialRequested, ev.DialEnded, ev.ControlRequested, ev.CallAssigned, ev.CallAnnounced,
    tev.TransferRequested, tev.AgentLeft, tev.TransferRefused, tev.CallTransferred, tev.ConsultBegun,
    tev.ConsultTalking, tev.ConsultJoined, tev.ConsultOver, tev.CallHandedOver, ev.CallEnded,
    ev.CallWrappedUp, ev.CallsForgotten, ev.SiteChanged, ev.PbxChanged, ev.AgentLoggedIn,
    ev.AgentStateChanged, ev.WrapUpExtended, ev.OccupancyCapped, ev.OccupancyFreed, ev.RestPlanned, pev.DeskConnected,
    pev.DeskDropped, pev.DeskGivenUp,
)  # fmt: skip
"""For the journal's reader."""
