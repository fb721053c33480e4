"""A section of the configuration file and how its entries are read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from pydantic import BaseModel, ValidationError

from careline_common.config import secrets
from careline_common.http.problem import FieldError
from careline_common.http.validation import field_errors


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with an entry that only shows beside the others; `path` is inside it."""

    section: str
    id: str
    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Given:
    """An entry as it stands in a document, and where."""

    at: str
    id: str
    raw: Any


class EntryInvalidError(Exception):
    """An entry that cannot be read; each path is inside the entry."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__("; ".join(f"{error['path']}: {error['reason']}" for error in errors))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Section:
    """`key` is the field that identifies an entry. A plain section is a list of names; a singleton
    is one mapping, kept under its own name. `secrets` are the fields whose values are never shown,
    and which may come as `…_file` or `…_env`."""

    name: str
    model: type[BaseModel]
    key: str = "id"
    plain: bool = False
    singleton: bool = False
    secrets: tuple[str, ...] = ()

    def given(self, part: Any) -> Iterator[Given | FieldError]:
        """The entries of this section in a document, and errors for what is no entry."""
        if self.singleton:
            if isinstance(part, Mapping):
                yield Given(self.name, self.name, part)
            else:
                yield {"path": self.name, "reason": "give one mapping"}
            return
        if not isinstance(part, list):
            yield {"path": self.name, "reason": "give a list"}
            return
        seen: set[str] = set()
        for index, item in enumerate(part):
            at = f"{self.name}[{index}]"
            raw = {self.key: item} if self.plain else item
            found = self._identified(at, raw)
            if isinstance(found, Given) and found.id in seen:
                yield {"path": self._inside(at), "reason": f"{found.id!r} is here twice"}
            else:
                if isinstance(found, Given):
                    seen.add(found.id)
                yield found

    def _identified(self, at: str, raw: Any) -> Given | FieldError:
        if not isinstance(raw, Mapping):
            return {"path": at, "reason": "give a mapping"}
        identity = raw.get(self.key)
        if identity is None:
            return {"path": f"{at}.{self.key}", "reason": "required"}
        if not isinstance(identity, str):
            return {"path": self._inside(at), "reason": "give a text, in quotes"}
        return Given(at, identity, dict(raw))

    def _inside(self, at: str) -> str:
        return at if self.plain else f"{at}.{self.key}"

    def read(self, raw: Any, *, strict: bool, today: date | None = None) -> BaseModel:
        """An entry as its model; raises `EntryInvalidError`.

        `strict` refuses unknown fields. Given `today`, what depends on the date is checked too.
        """
        resolved, faults = secrets.resolve(raw, self.secrets)
        if faults:
            raise EntryInvalidError(faults)
        try:
            return self.model.model_validate(
                resolved, extra="forbid" if strict else "ignore", context={"today": today}
            )
        except ValidationError as error:
            errors = error.errors(include_url=False, include_context=False)
            raise EntryInvalidError(field_errors(errors, resolved)) from error

    def kept(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """What of an entry is stored: everything but fields that nobody knows."""
        names: set[str] = set()
        for name, field in self.model.model_fields.items():
            names |= {name, field.alias or name}
        names |= {f"{name}_{form}" for name in self.secrets for form in ("file", "env")}
        return {key: value for key, value in raw.items() if key in names}

    def shown(self, value: BaseModel) -> dict[str, Any]:
        """An entry as it may be shown: secrets as `********`."""
        document = value.model_dump(mode="json", by_alias=True)
        shown: dict[str, Any] = secrets.masked(document, self.secrets)
        return shown
