"""Files sealed with keys that rotate: whole or not at all, and nothing that was changed is taken."""

import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careline_common.sealed import (
    SEGMENT_BYTES,
    TAG_BYTES,
    KeyRing,
    SealError,
    seal,
    sealed_anew,
    sealed_by,
    unseal,
)

pytestmark = pytest.mark.unit

RING = KeyRing.rotated(None)
SIZES = st.sampled_from(
    [0, 1, SEGMENT_BYTES - 1, SEGMENT_BYTES, SEGMENT_BYTES + 1, 2 * SEGMENT_BYTES]
)


def sealed(content: bytes, ring: KeyRing = RING) -> bytes:
    target = io.BytesIO()
    seal(io.BytesIO(content), target, ring)
    return target.getvalue()


def opened(document: bytes, ring: KeyRing = RING) -> bytes:
    return b"".join(unseal(io.BytesIO(document), ring))


@given(size=SIZES)
def test_what_was_sealed_is_opened_and_cannot_be_read_otherwise(size: int) -> None:
    content = b"\xd0\x96" * (size // 2) + b"x" * (size % 2)
    document = sealed(content)
    assert opened(document) == content
    assert len(content) < 8 or content[:8] not in document
    assert sealed(content) != document


@given(size=SIZES, place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_no_changed_bit_goes_unnoticed(size: int, place: float, bit: int) -> None:
    document = bytearray(sealed(b"y" * size))
    document[int(place * len(document))] ^= 1 << bit
    with pytest.raises(SealError):
        opened(bytes(document))


def test_segments_left_out_moved_or_cut_off_are_noticed() -> None:
    document = sealed(b"".join(bytes([n]) * SEGMENT_BYTES for n in range(3)))
    whole = SEGMENT_BYTES + TAG_BYTES
    head, parts = document[: -3 * whole], [document[-n * whole :][:whole] for n in (3, 2, 1)]
    for wrong in (parts[:2], parts[1:], [parts[1], parts[0], parts[2]], [*parts, parts[2]], []):
        with pytest.raises(SealError):
            opened(head + b"".join(wrong))


def test_a_key_that_is_rotated_opens_what_it_sealed_until_it_is_dropped() -> None:
    document = sealed(b"first")
    newer = KeyRing.rotated(RING)
    assert (RING.current, newer.current) == ("k1", "k2")
    assert opened(document, newer) == b"first"
    target = io.BytesIO()
    sealed_anew(io.BytesIO(document), target, newer)
    alone = newer.without("k1")
    assert sealed_by(io.BytesIO(target.getvalue())) == "k2"
    assert opened(target.getvalue(), alone) == b"first"
    with pytest.raises(SealError, match="'k1' that seals it is not in the keys file"):
        opened(document, alone)
    with pytest.raises(SealError, match="rotate first"):
        newer.without("k2")


def test_a_keys_file_is_kept_for_its_owner_and_a_damaged_one_refused(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    RING.save(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert KeyRing.load(path) == RING
    document = json.loads(path.read_text())
    for wrong in (
        "",
        "[]",
        json.dumps({**document, "current": "k9"}),
        '{"current":"a","keys":{"a":"QQ=="}}',
    ):
        path.write_text(wrong)
        with pytest.raises(SealError):
            KeyRing.load(path)
    with pytest.raises(SealError, match="No such file"):
        KeyRing.load(tmp_path / "none")
    assert "QQ==" not in repr(RING)
