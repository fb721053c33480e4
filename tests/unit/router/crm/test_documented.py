"""docs/crm.md names every setting, every fact and every reason."""

from pathlib import Path
from typing import get_args

import pytest

from careline_router.adapters.crm_fields import Target
from careline_router.adapters.crm_spelling import USUAL
from careline_router.crm_config import CrmEntry
from careline_router.ports import CrmReason

pytestmark = pytest.mark.unit

NAMES = [*CrmEntry.model_fields, *get_args(Target), *USUAL, *get_args(CrmReason)]


@pytest.mark.parametrize("name", NAMES)
def test_it_is_documented(project_folder: Path, name: str) -> None:
    text = (project_folder / "docs" / "crm.md").read_text(encoding="utf-8")
    assert f"`{name}`" in text


def test_the_defaults_are_those_of_the_settings(project_folder: Path) -> None:
    text = (project_folder / "docs" / "crm.md").read_text(encoding="utf-8")
    for name, field in CrmEntry.model_fields.items():
        if isinstance(field.default, int | float):
            assert f"`{name}` | {field.default:,} |" in text
