"""Identifiers, injected so that tests can foresee them."""

import itertools
from typing import Protocol

import uuid_utils


class Ids(Protocol):
    def new(self) -> str:
        """A new opaque id, unique over all services; later ids sort after earlier ones."""
        ...


class UuidIds:
    """UUIDv7 (RFC 9562): its time prefix keeps indexes in order of arrival."""

    def new(self) -> str:
        return str(uuid_utils.uuid7())


class SequenceIds:
    """`t-1`, `t-2`, … for tests."""

    def __init__(self, prefix: str = "t") -> None:
        self._prefix = prefix
        self._numbers = itertools.count(1)

    def new(self) -> str:
        return f"{self._prefix}-{next(self._numbers)}"
