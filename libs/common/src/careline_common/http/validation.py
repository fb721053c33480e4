"""Faults of validation in the words of the client: where in his input, and what."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from careline_common.http.problem import FieldError

_REASONS = {
    "missing": "required",
    "extra_forbidden": "unknown field",
}


def input_path(location: Sequence[int | str], data: Any) -> str:
    """`questions[0].kind` for a place in the input.

    Pydantic puts names of union members and validators between the steps; what leads nowhere in
    `data` is left out, except for the last step, which may name the field that is missing.
    """
    path = ""
    for index, step in enumerate(location):
        last = index == len(location) - 1
        if _leads(data, step):
            data = data[step]
        elif not (last and isinstance(data, Mapping) and str(step).isidentifier()):
            continue
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
    return path.removeprefix(".")


def _leads(data: Any, step: int | str) -> bool:
    if isinstance(data, Mapping):
        return step in data
    return isinstance(data, list) and isinstance(step, int) and step < len(data)


def reason(error: Mapping[str, Any]) -> str:
    """What is wrong, without the value that was sent: it may be personal."""
    known = _REASONS.get(error["type"])
    if known:
        return known
    text = str(error["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return text[:1].lower() + text[1:]


def field_errors(
    errors: Iterable[Mapping[str, Any]], data: Any, prefix: str = ""
) -> list[FieldError]:
    """Pydantic's errors as `[{path, reason}]`, each path once per reason."""
    found: list[FieldError] = []
    for error in errors:
        path = input_path(error["loc"], data)
        joint = "." if prefix and path and not path.startswith("[") else ""
        fault = FieldError(path=f"{prefix}{joint}{path}", reason=reason(error))
        if fault not in found:
            found.append(fault)
    return found
