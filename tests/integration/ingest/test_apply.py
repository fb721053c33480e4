"""`careline apply` of sources that are fetched: what is wrong is told with its place."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from careline.applying import Target, apply
from careline.configuration import ConfigurationError, read

if TYPE_CHECKING:
    from conftest import Ingest

pytestmark = pytest.mark.integration

SFTP = """\
careline: 1
sources:
  - id: ins7
    kind: sftp
    url: sftp://files.ins7.example/out
    password: word
    map: {external_id: id}
    user: careline
"""
HTTPS = """\
careline: 1
sources:
  - id: portal
    kind: https
    url: http://portal.example/day.csv
    map: {external_id: id}
"""


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        (
            SFTP,
            "F:3:5 sources[0].host_key",
            "a source of kind sftp needs the server's public key: ask the partner",
        ),
        (
            HTTPS,
            "F:5:10 sources[0].url",
            "a source of kind https has an address beginning with https://",
        ),
    ],
    ids=["sftp", "https"],
)
async def test_a_fault_of_a_fetched_source_is_told_with_line_and_column(
    ingest: "Ingest", tmp_path: Path, text: str, place: str, reason: str
) -> None:
    file = tmp_path / "floor.yaml"
    file.write_text(text)
    target = Target(name="ingest", base=str(ingest.http.base_url).rstrip("/"))
    with pytest.raises(ConfigurationError) as caught:
        await apply(read(file, {}), [target], ingest.http, dry_run=False)
    assert [each.text(Path("F")) for each in caught.value.findings] == [f"{place}: {reason}"]
    assert len((await ingest.http.get("/v1/sources")).json()["items"]) == 1
