"""What `careline person` says when it cannot."""

from pathlib import Path

import pytest

from careline.datadir import CannotError, DataDir
from careline.persons import person

pytestmark = pytest.mark.unit


async def test_what_is_no_number_is_refused_before_anybody_is_asked(tmp_path: Path) -> None:
    with pytest.raises(CannotError, match="write it as"):
        await person("erase", "12", data=DataDir(tmp_path), urls=["http://x"], token="t")


async def test_addresses_need_a_token(tmp_path: Path) -> None:
    with pytest.raises(CannotError, match="--token"):
        await person(
            "export", "+79031234567", data=DataDir(tmp_path), urls=["http://x"], token=None
        )


async def test_every_service_that_is_away_is_named(tmp_path: Path, capsys) -> None:
    urls = ["http://127.0.0.1:9/tickets", "http://127.0.0.1:9/surveys/"]
    with pytest.raises(CannotError, match=r"tickets: cannot be reached .*; surveys: cannot be"):
        await person("erase", "+79031234567", data=DataDir(tmp_path), urls=urls, token="t")
    assert '"services": {}' in capsys.readouterr().out
