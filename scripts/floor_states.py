"""The page of the floor's states, made from the table that the tests drive a floor through."""

from collections.abc import Mapping
from typing import Any

from careline_router.domain import transitions as table

Rows = Mapping[Any, tuple[table.Cell, ...]]

HEAD = """# States of calls, callbacks and agents

Made from `domain/transitions.py` by `make generated`; `tests/unit/router/test_floor_transitions.py` drives a floor through
every cell. A cell is the state that follows; `·` nothing changes; *later* it takes effect after this call; ✗ the command is
refused with this reason (409, its `type` ends in it). A fact that a PBX tells cannot be refused: one that comes too
late changes nothing.

The tables are of one call and of one agent with room for one. What else follows on a floor comes after: an agent who is ready
is offered the next call, a call that waits the next agent. Agents of several calls at once, and work that a call interrupts,
stand in [routing.md](routing.md).
"""


def floor_states_page() -> str:
    """The whole page."""
    parts = [HEAD]
    for title, rows, columns in (
        ("Calls", table.CALLS, table.CALL_COLUMNS),
        ("Callbacks", table.CALLBACKS, table.CALLBACK_COLUMNS),
        ("Agents", table.AGENTS, table.AGENT_COLUMNS),
    ):
        parts += [f"## {title}\n", _diagram(rows, columns), _grid(rows, columns)]
    return "\n".join(parts)


def _grid(rows: Rows, columns: tuple[str, ...]) -> str:
    lines = ["| | " + " | ".join(f"**{column}**" for column in columns) + " |"]
    lines.append("|---" * (len(columns) + 1) + "|")
    for stimulus, row in rows.items():
        lines.append(f"| {stimulus} | " + " | ".join(map(_shown, row)) + " |")
    return "\n".join(lines) + "\n"


def _shown(cell: table.Cell) -> str:
    if isinstance(cell, table.Refused):
        return f"✗ {cell.reason}"
    return {table.SAME: "·", table.LATER: "*later*"}.get(cell, cell)


def _diagram(rows: Rows, columns: tuple[str, ...]) -> str:
    """What leads from one state to another; a state before and after all is a dot."""
    between: dict[tuple[str, str], list[str]] = {}
    for stimulus, row in rows.items():
        for state, cell in zip(columns, row, strict=True):
            if cell in columns and cell != state:
                between.setdefault((_node(state), _node(str(cell))), []).append(stimulus)
    arrows = [f"    {a} --> {b}: {', '.join(names)}" for (a, b), names in between.items()]
    return "\n".join(["```mermaid", "stateDiagram-v2", *arrows, "```", ""])


def _node(state: str) -> str:
    return "[*]" if state in {"unknown", "logged_out"} else state
