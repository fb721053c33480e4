"""Archives that are damaged, by chance or by somebody who means harm."""

import io
import itertools
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careline_ingest.adapters.archives import ArchiveRefusedError, is_archive, unpack
from careline_ingest.adapters.spool import Spool, Stored

pytestmark = pytest.mark.unit

_OUT = io.BytesIO()
with zipfile.ZipFile(_OUT, "w", zipfile.ZIP_DEFLATED) as _archive:
    _archive.writestr("папка/день.csv", "id;tel\n" + "1;89161234567\n" * 50)
    _archive.writestr("b.csv", "x")
WHOLE = _OUT.getvalue()
LIST = WHOLE.index(b"PK\x01\x02")


def taken(content: bytes) -> list[bytes] | str:
    """What is unpacked of an archive, or why it is refused; whatever else happens is raised."""
    with TemporaryDirectory() as folder:
        spool = Spool(Path(folder))
        path = Path(folder) / "sent"
        path.write_bytes(content)
        numbers = itertools.count()
        is_archive(path)
        try:
            files = unpack(
                spool,
                Stored(path, b"", len(content)),
                new_name=lambda: str(next(numbers)),
                limit=1 << 20,
            )
        except ArchiveRefusedError as refused:
            assert [one.name for one in Path(folder).iterdir()] == ["sent"], "nothing is left"
            return str(refused)
        return [file.path.read_bytes() for _, file in files]


def test_the_whole_archive_is_unpacked() -> None:
    assert [len(content) for content in taken(WHOLE)] == [707, 1]


@given(
    st.dictionaries(
        st.integers(LIST, len(WHOLE) - 1) | st.integers(0, len(WHOLE) - 1),
        st.integers(0, 255),
        min_size=1,
        max_size=6,
    )
)
def test_a_damaged_archive_is_read_or_refused_and_breaks_nothing(damage: dict[int, int]) -> None:
    content = bytearray(WHOLE)
    for at, byte in damage.items():
        content[at] = byte
    taken(bytes(content))


def test_a_name_that_is_not_in_the_encoding_it_claims_is_refused() -> None:
    at = WHOLE.index("папка".encode(), LIST)
    content = WHOLE[:at] + b"\xff" + WHOLE[at + 1 :]
    assert "damaged" in taken(content)
