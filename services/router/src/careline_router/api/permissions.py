"""Who may do what on the router: one table, and the two rules that also look at whose call it is."""

from collections.abc import Mapping
from enum import StrEnum

AGENT = "agent"
SUPERVISOR = "supervisor"
ADMIN = "admin"
PBX = "pbx"
AUDITOR = "auditor"
SPECIALIST = "specialist"
EXPERT = "expert"
INSURER = "insurer"
CONTACT_ADMIN = "contact_admin"
QUALITY = "quality"
FLOOR = "floor"
SERVICE = "service"

ROLES = (
    AGENT, SUPERVISOR, ADMIN, PBX, INSURER, AUDITOR, SPECIALIST, EXPERT, CONTACT_ADMIN, QUALITY,
    FLOOR, SERVICE,
)  # fmt: skip


class Action(StrEnum):
    """What can be asked of the router with a token."""

    PBX_COMMANDS = "take commands for a PBX and report them done"
    PBX_ROUTE = "ask from a dialplan where a call goes"
    OWN_SESSION = "log in and out, change one's own state, open the agent socket"
    ANSWER_OFFER = "accept or reject an offer"
    BOOK = "look for free appointments; book, move and cancel a caller's"
    READ_INSURANCE = "look at the insurance records of a caller"
    HAND_OVER = "as a bot, hand a caller over to a human"
    WRAP_UP = "finish the after-call work of a call"
    END_WORK = "be done with an appeal that one was offered"
    READ_CALLS = "read calls"
    READ_CALL_BY_PBX = "find a call by the PBX's own id"
    READ_DECISIONS = "read why a call went where it went"
    STEER_CALLS = "move, assign, re-prioritise or withdraw a waiting call, or listen to a talk"
    ANNOUNCE = "have everybody who waits hear something"
    WATCH_FLOOR = "watch queues, agents and calls over the supervisors' socket"
    READ_ACTIONS = "read what supervisors did"
    READ_CALLBACKS = "read callbacks"
    REQUEST_CALLBACK = "put somebody down to be called back"
    CANCEL_CALLBACK = "take a callback off the list"
    READ_QUEUES = "see the queues live"
    READ_AGENTS = "see the agents live"
    STEER_AGENTS = "set the state of an agent, give him a skill for today"
    SWITCH_EMERGENCY = "tell callers that nobody can be reached, or put them through again"
    SET_SITES = "open, drain or take down a site"
    READ_REPORTS = "read what happened on the floor"
    READ_FORECAST = "read what calls are expected, and whom they take"
    READ_CONFIGURATION = "read calendars and flows, and try flows"
    CONFIGURE = "change the configuration, publish flows"
    KEEP_PERSONS = "give a person his data, and erase it"
    READ_LOOKS = "read who has looked at whose data"


_CALLING_BACK = frozenset({AGENT, SUPERVISOR, FLOOR, ADMIN})
_STAFF = frozenset({AGENT, SUPERVISOR, FLOOR, ADMIN, AUDITOR, QUALITY, CONTACT_ADMIN, SERVICE})

ALLOWED: Mapping[Action, frozenset[str]] = {
    Action.PBX_COMMANDS: frozenset({PBX}),
    Action.PBX_ROUTE: frozenset({PBX}),
    Action.OWN_SESSION: frozenset({AGENT}),
    Action.ANSWER_OFFER: frozenset({AGENT}),
    Action.BOOK: frozenset({AGENT}),
    Action.READ_INSURANCE: frozenset({AGENT}),
    Action.HAND_OVER: frozenset({AGENT}),
    Action.WRAP_UP: frozenset({AGENT}),
    Action.END_WORK: frozenset({AGENT}),
    Action.READ_CALLS: _STAFF | {SPECIALIST},
    Action.READ_CALL_BY_PBX: _STAFF | {SPECIALIST, PBX},
    Action.READ_DECISIONS: frozenset({SUPERVISOR, FLOOR, ADMIN, AUDITOR, QUALITY}),
    Action.STEER_CALLS: frozenset({SUPERVISOR, FLOOR}),
    Action.ANNOUNCE: frozenset({FLOOR, ADMIN}),
    Action.WATCH_FLOOR: frozenset({SUPERVISOR, FLOOR, ADMIN}),
    Action.READ_ACTIONS: frozenset({FLOOR, ADMIN, AUDITOR}),
    Action.READ_CALLBACKS: _CALLING_BACK,
    Action.REQUEST_CALLBACK: _CALLING_BACK,
    Action.CANCEL_CALLBACK: _CALLING_BACK,
    Action.READ_QUEUES: _STAFF,
    Action.READ_AGENTS: frozenset({SUPERVISOR, FLOOR, ADMIN, AUDITOR, QUALITY, SERVICE}),
    Action.STEER_AGENTS: frozenset({SUPERVISOR, FLOOR, ADMIN}),
    Action.SWITCH_EMERGENCY: frozenset({FLOOR, ADMIN}),
    Action.SET_SITES: frozenset({FLOOR, ADMIN}),
    Action.READ_REPORTS: frozenset(
        {SUPERVISOR, FLOOR, ADMIN, AUDITOR, QUALITY, CONTACT_ADMIN, SERVICE}
    ),
    Action.READ_FORECAST: frozenset({SUPERVISOR, FLOOR, ADMIN}),
    Action.READ_CONFIGURATION: frozenset({ADMIN, SUPERVISOR, FLOOR, AUDITOR, SERVICE}),
    Action.CONFIGURE: frozenset({ADMIN}),
    Action.KEEP_PERSONS: frozenset({ADMIN, CONTACT_ADMIN, SERVICE}),
    Action.READ_LOOKS: frozenset({ADMIN, AUDITOR}),
}
