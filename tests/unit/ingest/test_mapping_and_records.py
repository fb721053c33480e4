"""From columns to fields, and what a row does to the record it is about."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careline_ingest.adapters.parsers import LibraryParsers
from careline_ingest.domain.faults import ERROR_NUMBERS, Fault, UnreadableFileError, mask
from careline_ingest.domain.feed import TARGETS, Column, FeedSpec
from careline_ingest.domain.mapping import bind, bind_by_name, extract
from careline_ingest.domain.record import (
    Known,
    as_json,
    digest,
    identity,
    is_withdrawn,
    read_record,
    settle,
)
from careline_ingest.domain.vocabulary import coded

pytestmark = pytest.mark.unit

PARSERS = LibraryParsers()
NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
COLUMNS = tuple(Column(target=target, names=(target,)) for target in TARGETS)
SPEC = FeedSpec(source="s", format="csv", columns=COLUMNS)
BINDING = bind_by_name(COLUMNS)
KNOWN = Known(
    record_id="r", version=3, digest=b"", salt=b"salt", partner_version=None, run_id="m", row=5
)


def done(known: Known | None, fields: dict[str, str], **more: Any) -> str:
    return settle(known, as_json(fields), fields.get("version"), **more)


def read(spec: FeedSpec = SPEC, **cells: Any) -> Any:
    return read_record(
        {"external_id": "1"} | cells, BINDING, spec, parsers=LibraryParsers(), now=NOW
    )


def test_columns_are_found_whatever_their_case_spacing_and_order() -> None:
    columns = (
        Column(target="external_id", names=("appeal_no", "Номер обращения")),
        Column(target="phone", names=("Телефон",)),
    )
    header = ["ТЕЛЕФОН ", " номер\u00a0 обращения", "Лишнее"]
    binding = bind(columns, header)
    assert binding.source_of("external_id") == " номер\u00a0 обращения"
    assert extract(binding, {header[0]: "8", header[1]: "A", header[2]: "x"}, PARSERS) == {
        "external_id": "A",
        "phone": "8",
    }


def test_a_missing_column_is_named_unless_it_has_a_default() -> None:
    columns = (
        Column(target="external_id", names=("id", "no")),
        Column(target="kind", names=("kind",), default="thanks"),
    )
    with pytest.raises(UnreadableFileError, match=r"external_id \(id \| no\)$"):
        bind(columns, ["phone"])
    assert extract(bind(columns, ["id"]), {"id": "1"}, PARSERS) == {
        "external_id": "1",
        "kind": "thanks",
    }


def test_a_column_that_stands_twice_is_refused() -> None:
    with pytest.raises(UnreadableFileError, match="2 times"):
        bind((Column(target="external_id", names=("id",)),), ["ID", "id"])


def test_the_partners_codes_mean_what_the_mapping_says() -> None:
    column = Column(target="kind", names=("k",), values={"01": "complaint"})
    binding = bind((column,), ["k"])
    assert extract(binding, {"k": "01"}, PARSERS) == {"kind": "complaint"}
    assert extract(binding, {"k": "thanks"}, PARSERS) == {"kind": "thanks"}
    assert extract(binding, {"k": "  "}, PARSERS) == {}


def test_kinds_channels_and_outcomes_are_known_by_their_words() -> None:
    found = read(kind="Жалоба", channel="Эл. почта", outcome="Частично обоснована")
    assert (found["kind"], found["channel"], found["outcome"]) == ("complaint", "email", "partly")
    for target in coded("appeal"):
        refused = read(**{target: "что-то"})
        assert (refused.field, refused.code) == (target, "unknown-value")


def test_subjects_are_known_by_id_or_name_where_any_are_configured() -> None:
    spec = replace(SPEC, references={"subject": {"refusal": "refusal", "отказ": "refusal"}})
    assert read(spec, subject=" ОТКАЗ ")["subject"] == "refusal"
    assert read(spec, subject="другое").code == "unknown-value"
    assert read(subject="другое")["subject"] == "другое"


def test_what_is_not_said_has_its_default() -> None:
    assert read() == {"external_id": "1", "channel": "insurer", "kind": "complaint"}
    assert read(replace(SPEC, channel="portal"))["channel"] == "portal"


@pytest.mark.parametrize(
    ("cells", "field", "code"),
    [
        ({"external_id": " \u00a0 "}, "external_id", "missing"),
        ({"external_id": "x" * 201}, "external_id", "too-long"),
        ({"phone": "нет"}, "phone", "phone"),
        ({"registered_at": "нет"}, "registered_at", "date"),
        ({"birth_date": "01.01.1800"}, "birth_date", "date-range"),
        ({"text": ["a"]}, "text", "not-scalar"),
        ({"text": "x" * 100_001}, "text", "too-long"),
    ],
)
def test_the_first_thing_that_is_wrong_is_named(
    cells: dict[str, Any], field: str, code: str
) -> None:
    fault = read(**cells)
    assert isinstance(fault, Fault)
    assert (fault.field, fault.code) == (field, code)
    assert fault.code in ERROR_NUMBERS


def test_a_fix_stands_over_what_the_row_says() -> None:
    found = read_record(
        {"external_id": "1", "phone": "нет", "name": "Анна"},
        BINDING,
        SPEC,
        parsers=LibraryParsers(),
        now=NOW,
        fix={"phone": "89161234567", "name": ""},
    )
    assert isinstance(found, dict)
    assert found["phone"] == "+79161234567"
    assert "name" not in found


def test_the_identity_is_read_even_from_a_row_that_is_wrong() -> None:
    assert identity({"external_id": " A-1 ", "phone": "нет"}, BINDING, PARSERS) == "A-1"
    assert identity({"external_id": ["x"]}, BINDING, PARSERS) is None


@given(st.text(min_size=1, max_size=60), st.sampled_from(TARGETS))
def test_masked_values_of_persons_show_at_most_four_characters(value: str, field: str) -> None:
    shown = mask(field, value)
    assert len(shown) <= 36
    if field in ("phone", "birth_date", "policy_number"):
        assert len(shown.replace("*", "")) <= 4
    if field in ("name", "text", "answer"):
        assert set(shown) <= {"*"}


def test_a_row_is_new_changed_or_the_same() -> None:
    fields = {"external_id": "1", "text": "а"}
    known = replace(KNOWN, digest=digest(as_json(fields), b"salt"))
    assert done(None, fields, run_id="z", row=1) == "created"
    assert done(known, fields, run_id="z", row=1) == "unchanged"
    assert done(known, fields | {"text": "б"}, run_id="z", row=1) == "updated"


def test_a_row_behind_what_is_known_does_nothing_unless_it_was_put_right_by_hand() -> None:
    for run_id, row in (("a", 9), ("m", 4)):
        assert done(KNOWN, {}, run_id=run_id, row=row) == "unchanged"
        assert done(KNOWN, {}, run_id=run_id, row=row, by_hand=True) == "updated"
    assert done(KNOWN, {}, run_id="m", row=6) == "updated"


@pytest.mark.parametrize(
    ("version", "known", "outcome"),
    [
        ("9", "10", "unchanged"),
        ("10", "9", "updated"),
        ("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z", "unchanged"),
        ("b", "a", "updated"),
        ("a", "b", "updated"),
        ("9", "b", "updated"),
        ("②", "①", "updated"),
        ("2²", "2³", "updated"),
    ],
)
def test_the_partners_versions_are_compared_where_they_can_be(
    version: str, known: str, outcome: str
) -> None:
    fields = {"version": version}
    assert done(replace(KNOWN, partner_version=known), fields, run_id="z", row=1) == outcome


@given(st.dictionaries(st.sampled_from(TARGETS), st.text()), st.binary(min_size=1))
def test_digests_depend_on_content_and_salt_and_not_on_order(
    fields: dict[str, str], salt: bytes
) -> None:
    assert digest(as_json(fields), salt) == digest(as_json(dict(reversed(fields.items()))), salt)
    assert digest(as_json(fields), salt) != digest(as_json(fields | {"text": "\x00"}), salt)
    assert digest(as_json(fields), salt) != digest(as_json(fields), salt + b"\x01")


@pytest.mark.parametrize("status", ["withdrawn", "Отозвано ", "ОТМЕНЕНА"])
def test_withdrawals_are_known_by_their_words(status: str) -> None:
    assert is_withdrawn({"status": status})
    assert not is_withdrawn({"status": "открыто"})


@given(st.dictionaries(st.sampled_from(TARGETS), st.text(max_size=40)))
def test_any_row_becomes_fields_or_one_fault(cells: dict[str, str]) -> None:
    found = read_record(cells, BINDING, SPEC, parsers=LibraryParsers(), now=NOW)
    if isinstance(found, Fault):
        assert found.code in ERROR_NUMBERS
        assert found.text
    else:
        assert found["external_id"]
        assert all(found.values())


def test_a_spec_is_the_same_after_it_was_kept_as_json() -> None:
    spec = replace(SPEC, encodings=("cp1251",), references={"subject": {"a": "b"}})
    assert FeedSpec.of(spec.document()) == spec
