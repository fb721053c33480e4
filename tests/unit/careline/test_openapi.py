"""The services' API documents, as those read them who make clients of them."""

from collections.abc import Iterator
from typing import Any

import pytest

from careline import exposed, roster

pytestmark = pytest.mark.unit


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for inner in part.values():
            yield from references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from references(inner)


@pytest.mark.parametrize("service", roster.NAMES)
def test_every_reference_leads_to_a_schema(service: str) -> None:
    document = exposed.assembled(service).app.openapi()
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    used = set(references(document))
    assert "#/components/schemas/ProblemDocument" in used
    assert used - known == set()
