"""Secrets in the configuration: given as they are, or as a `…_file` or `…_env` to take them from."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from careline_common.http.problem import FieldError

MASK = "********"


def with_absolute_files(value: Any, base: Path) -> Any:
    """The document with every relative `…_file` taken from the folder it was read in."""
    if isinstance(value, Mapping):
        return {
            key: str(base / inner)
            if isinstance(inner, str) and str(key).endswith("_file")
            else with_absolute_files(inner, base)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [with_absolute_files(item, base) for item in value]
    return value


def resolve(raw: Any, names: Sequence[str], path: str = "") -> tuple[Any, list[FieldError]]:
    """The entry with its secrets in place of references to them, and what could not be had."""
    if isinstance(raw, list):
        items = [resolve(item, names, f"{path}[{index}]") for index, item in enumerate(raw)]
        return [item for item, _ in items], [fault for _, faults in items for fault in faults]
    if not isinstance(raw, Mapping):
        return raw, []
    resolved: dict[str, Any] = {}
    faults: list[FieldError] = []
    for key, value in raw.items():
        at = f"{path}.{key}" if path else str(key)
        name = _referred(key, names)
        if name is None:
            resolved[key], found = resolve(value, names, at)
            faults += found
        elif name in raw or name in resolved:
            faults.append({"path": at, "reason": f"{name} is given twice"})
        else:
            try:
                resolved[name] = _fetch(str(key), value)
            except ValueError as error:
                faults.append({"path": at, "reason": str(error)})
    return resolved, faults


def _referred(key: object, names: Sequence[str]) -> str | None:
    return next((name for name in names if key in {f"{name}_file", f"{name}_env"}), None)


def _fetch(key: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("give a name")
    if key.endswith("_env"):
        secret = os.environ.get(value)
        if not secret:
            raise ValueError(f"no environment variable {value}")
        return secret
    try:
        secret = Path(value).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no text"
        raise ValueError(f"the file cannot be read: {reason}") from None
    if not secret:
        raise ValueError("the file is empty")
    return secret


def masked(value: Any, names: Sequence[str]) -> Any:
    """The value as it may be shown: secrets as `********`."""
    if isinstance(value, Mapping):
        return {
            key: MASK if key in names and inner else masked(inner, names)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [masked(item, names) for item in value]
    return value


def unmasked(value: Any, kept: Any, names: Sequence[str]) -> Any:
    """What a client sends back with `********` in it, with the secrets that are kept."""
    if not isinstance(value, Mapping):
        return value
    before = kept if isinstance(kept, Mapping) else {}
    return dict(_unmasked_items(value, before, names))


def _unmasked_items(
    value: Mapping[str, Any], before: Mapping[str, Any], names: Sequence[str]
) -> Iterator[tuple[str, Any]]:
    for key, inner in value.items():
        if key not in names or inner != MASK:
            yield key, unmasked(inner, before.get(key), names)
            continue
        for form in (key, f"{key}_file", f"{key}_env"):
            if form in before:
                yield form, before[form]
