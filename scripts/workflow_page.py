"""The page of the workflow of appeals, made from the table that decides what is refused."""

from collections.abc import Iterator

from careline_tickets.domain.clocks import FROM_REGISTRATION, ClockKind
from careline_tickets.domain.timekeeping import PAUSED_WHILE_WAITING, counts
from careline_tickets.domain.vocabulary import Action, Role, Status
from careline_tickets.domain.workflow import TABLE, Limits, Rule

HEAD = """# The workflow of an appeal

Made from `domain/workflow.py` and `domain/timekeeping.py` by `make generated`; `tests/unit/tickets/test_workflow.py` holds every cell of
role × action × status against the contract. Role comes before state: who may never do a thing is told 403, whatever the status is; who
may, but not now, is told 409 with what he may do now in `allowed`. What an action takes stands in
[the API document](openapi/tickets.json); deadlines and their steps in [deadlines.md](deadlines.md).
"""
LETTERS = {
    Role.AGENT: "A", Role.SPECIALIST: "S", Role.EXPERT: "E", Role.INSURER: "I",
    Role.CONTACT_ADMIN: "C", Role.SYSTEM: "·",
}  # fmt: skip
WHERE_TO = {
    Action.RETURN: (Status.WITH_INSURER, Status.IN_WORK),
}
"""Actions whose next status depends on what was before."""


def workflow_page() -> str:
    """The whole page."""
    parts = [HEAD, "## Statuses\n", _diagram(), "## Who may do what, and when\n", _legend()]
    parts += [_grid(), "## Limits\n", _limits(), "## When which clock counts\n", _clocks()]
    return "\n".join(parts)


def _people() -> Iterator[Rule]:
    return (rule for rule in TABLE.values() if set(rule.by) != {Role.SYSTEM})


def _targets(rule: Rule, source: Status) -> tuple[Status, ...]:
    if rule.to is not None:
        return (rule.to,)
    return WHERE_TO.get(rule.action, (source,))


def _diagram() -> str:
    """People's actions that lead from one status to another; what stays where it is is left out."""
    between: dict[tuple[Status, Status], list[str]] = {}
    for rule in _people():
        for source in sorted(rule.sources, key=list(Status).index):
            for target in _targets(rule, source):
                if target is not source:
                    between.setdefault((source, target), []).append(rule.action)
    arrows = [f"    {a} --> {b}: {', '.join(names)}" for (a, b), names in between.items()]
    first = f"    [*] --> {Status.NEW}: register"
    last = f"    {Status.MERGED} --> [*]"
    return "\n".join(["```mermaid", "stateDiagram-v2", first, *arrows, last, "```", ""])


def _legend() -> str:
    named = ", ".join(f"**{LETTERS[role]}** {role}" for role in Role if role is not Role.SYSTEM)
    return (
        f"{named}; **·** Careline itself (feeds, steps of clocks, merging), which no token can be. A cell says who may; (…) only"
        " while nobody owns it.\n"
    )


def _grid() -> str:
    lines = ["| | " + " | ".join(f"**{status}**" for status in Status) + " | leads to |"]
    lines.append("|---" * (len(Status) + 2) + "|")
    for rule in TABLE.values():
        letters = "".join(LETTERS[role] for role in Role if role in rule.by)
        cells = [_cell(rule, status, letters) for status in Status]
        to = rule.to or ", ".join(WHERE_TO.get(rule.action, ("stays",)))
        lines.append(f"| {rule.action} | " + " | ".join(cells) + f" | {to} |")
    return "\n".join(lines) + "\n"


def _cell(rule: Rule, status: Status, letters: str) -> str:
    if status in rule.unowned:
        return f"({letters})"
    return letters if status in rule.sources else ""


def _limits() -> str:
    lines = [
        f"- {rule.action}, {role}: {'; '.join(_said(limits))}"
        for rule in TABLE.values()
        for role, limits in rule.by.items()
        if limits != Limits()
    ]
    return "\n".join([*lines, *_elsewhere()]) + "\n"


def _elsewhere() -> Iterator[str]:
    for rule in TABLE.values():
        if rule.elsewhere:
            yield f"- {rule.action}: only for a person who is insured in another territory"


def _said(limits: Limits) -> Iterator[str]:
    if limits.own:
        yield "his own or nobody's"
    if limits.max_level is not None:
        yield f"up to level {limits.max_level}"
    if limits.no_complaints:
        yield "never a complaint"
    if limits.invited:
        yield "who is invited"
    if limits.own_insurer:
        yield "appeals of his own insurer"


def _clocks() -> str:
    lines = ["| | " + " | ".join(f"**{status}**" for status in Status) + " | starts |"]
    lines.append("|---" * (len(Status) + 2) + "|")
    for kind in ClockKind:
        cells = [_counted(kind, status) for status in Status]
        starts = "with the appeal" if kind in FROM_REGISTRATION else "when it comes there"
        again = "; anew when it is sent" if kind is ClockKind.INSURER else ""
        lines.append(f"| {kind} | " + " | ".join(cells) + f" | {starts}{again} |")
    return "\n".join(lines) + "\n"


def _counted(kind: ClockKind, status: Status) -> str:
    levels = [level for level in (1, 2, 3) if counts(kind, status, level)]
    if levels and status is Status.WAITING and kind in PAUSED_WHILE_WAITING:
        return "paused"
    if levels in ([], [1, 2, 3]):
        return "runs" if levels else ""
    return f"runs at level {levels[0]}" if levels == [1] else f"runs from level {levels[0]}"
