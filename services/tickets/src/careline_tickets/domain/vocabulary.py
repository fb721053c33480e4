"""The fixed words of an appeal, as the public contract has them."""

from enum import StrEnum


class Status(StrEnum):
    NEW = "new"
    IN_WORK = "in_work"
    WITH_EXPERT = "with_expert"
    WITH_INSURER = "with_insurer"
    IN_REVIEW = "in_review"
    WAITING = "waiting"
    CLOSED = "closed"
    MERGED = "merged"


class Channel(StrEnum):
    """How an appeal came."""

    PHONE = "phone"
    PORTAL = "portal"
    INSURER = "insurer"
    SMS = "sms"
    EMAIL = "email"
    VOICEMAIL = "voicemail"
    SURVEY = "survey"
    WALK_IN = "walk_in"
    APP = "app"


class Kind(StrEnum):
    COMPLAINT = "complaint"
    CONSULTATION = "consultation"
    APPLICATION = "application"
    SUGGESTION = "suggestion"
    THANKS = "thanks"


class Outcome(StrEnum):
    JUSTIFIED = "justified"
    PARTLY = "partly"
    UNJUSTIFIED = "unjustified"
    INFORMATION = "information"
    WITHDRAWN = "withdrawn"


class Priority(StrEnum):
    """From the first to the last in a queue of appeals."""

    URGENT = "urgent"
    HIGH = "high"
    NORMAL = "normal"

    @property
    def raised(self) -> "Priority":
        """The next one up; there is none above urgent."""
        return Priority.HIGH if self is Priority.NORMAL else Priority.URGENT


class Answerer(StrEnum):
    """Who had answered: a returned answer goes back to him."""

    STAFF = "staff"
    INSURER = "insurer"


class Role(StrEnum):
    """Roles that may do something to an appeal. `SYSTEM` is Careline itself; no token has it."""

    AGENT = "agent"
    SPECIALIST = "specialist"
    EXPERT = "expert"
    INSURER = "insurer"
    CONTACT_ADMIN = "contact_admin"
    SYSTEM = "system"


class Action(StrEnum):
    TAKE = "take"
    ESCALATE = "escalate"
    INVITE_EXPERT = "invite_expert"
    EXPERT_ANSWER = "expert_answer"
    SEND_TO_INSURER = "send_to_insurer"
    ANSWER = "answer"
    INSURER_ANSWER = "insurer_answer"
    ACCEPT = "accept"
    RETURN = "return"
    CLOSE = "close"
    REOPEN = "reopen"
    EXTEND = "extend"
    WAIT = "wait"
    RESUME = "resume"
    MERGE = "merge"
    FORWARD = "forward"
    """The person is insured elsewhere: the appeal goes on there."""
    IMPORT_ANSWER = "import_answer"
    """A feed brought the answer that a partner gave."""
    WITHDRAW = "withdraw"
    """A feed says that the appeal was withdrawn where it had come in."""
    AMEND = "amend"
    """A feed brought a newer version of the appeal."""
    STEP_ESCALATE = "step_escalate"
    """A step of a clock passed the appeal on."""
    STEP_REASSIGN = "step_reassign"
    """A step of a clock gave the appeal to somebody else."""
    STEP_RAISE_PRIORITY = "step_raise_priority"
    """A step of a clock moved the appeal up."""
    ABSORB = "absorb"
    """Another appeal was merged into this one."""
    FOLLOW_UP = "follow_up"
    """The appeal could not be reopened any more, and a new one goes on from it."""
    APPLY_POLICY = "apply_policy"
    """The appeal was given the promises that are configured now."""
    TRANSCRIBE = "transcribe"
    """Somebody has typed what is said, at the address that is for it alone."""
