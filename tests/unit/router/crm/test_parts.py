"""Spellings, literals, filters, pauses, fields and the cache: the small parts of a look-up."""

import re
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from careline_router.adapters.crm_exchange import retry_after_s
from careline_router.adapters.crm_fields import CrmField, caller_among, profile_of
from careline_router.adapters.crm_spelling import USUAL, check_spelling, spellings
from careline_router.adapters.dataverse import literal
from careline_router.adapters.look_up_cache import LookUpCache
from careline_router.fakes.odata_filter import FilterError, compile_filter
from careline_router.ports import CrmProfile

pytestmark = pytest.mark.unit

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

# -- spellings -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phone", "expected"),
    [
        (
            "+79161234567",
            {
                *("+79161234567", "79161234567", "89161234567", "9161234567"),
                *("+7 916 123-45-67", "8 (916) 123-45-67"),
            },
        ),
        (
            "+989121234567",
            {
                *("+989121234567", "989121234567", "09121234567", "9121234567"),
                *("+98 912 123 4567", "0912 123 4567"),
            },
        ),
        # Italy has no national prefix, and its zero belongs to the number
        (
            "+390612345678",
            {
                *("+390612345678", "390612345678", "0612345678"),
                *("+39 06 1234 5678", "06 1234 5678"),
            },
        ),
    ],
)
def test_the_usual_spellings_of_a_number(phone: str, expected: set[str]) -> None:
    region = phonenumbers.region_code_for_number(phonenumbers.parse(phone))
    assert set(spellings(phone, USUAL, region=region)) == expected


@pytest.mark.parametrize(
    ("phone", "never"),
    [
        ("+989121234567", "9121234567"),  # is +7 912 123-45-67
        ("+84951234567", "84951234567"),  # is +7 495 123-45-67, with Russia's 8
        ("+9607771234", "9607771234"),  # is +7 960 777-12-34
    ],
)
def test_no_spelling_of_a_foreigner_is_a_patient_s_of_this_country(phone: str, never: str) -> None:
    assert never in spellings(phone, USUAL, region="SG")
    home = spellings(phone, USUAL, region="RU")
    assert never not in home
    assert phone in home


@given(
    st.sampled_from(["+7", "+98", "+84", "+960", "+95", "+1", "+49", "+86"]),
    st.text("0123456789", min_size=7, max_size=10),
    st.sampled_from(["RU", "IR", "DE", "US"]),
)
def test_what_is_typed_means_one_number_to_who_reads_it(start: str, rest: str, region: str) -> None:
    phone = start + rest
    for text in spellings(phone, USUAL, region=region):
        read = _read(text, region)
        assert read in {phone, None} or not phonenumbers.is_valid_number(phonenumbers.parse(read))


@given(
    st.sampled_from(["+79", "+989", "+8613", "+4915"]),
    st.text("0123456789", min_size=9, max_size=9),
)
def test_every_usual_spelling_is_read_as_the_same_number(start: str, rest: str) -> None:
    phone = f"{start}{rest}"
    region = phonenumbers.region_code_for_country_code(phonenumbers.parse(phone).country_code or 0)
    wanted = [*USUAL, "+{cc} (###) ###-##-##", "{trunk} {national}"]
    written = spellings(phone, wanted, region=region)
    assert len(written) >= 4
    for text in written:
        candidates = {_read(text, region), _read(f"+{text}", None)}
        assert phone in candidates


def _read(text: str, region: str | None) -> str | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("+{cc}-###-###-##-##", ["+7-916-123-45-67"]),
        ("{trunk} ### #######", ["8 916 1234567"]),
        ("########", []),
        ("{national}#", []),
    ],
)
def test_a_pattern_is_drawn_or_left_out(pattern: str, expected: list[str]) -> None:
    assert spellings("+79161234567", [check_spelling(pattern)], region="RU") == expected


@pytest.mark.parametrize("text", ["", "E164", "{phone}", "{national", "{cc}", "#" * 41, "#\n"])
def test_what_is_no_spelling_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        check_spelling(text)


# -- literals and filters ------------------------------------------------------------------------


@given(st.text(), st.text())
def test_a_literal_means_its_text_and_nothing_else(text: str, other: str) -> None:
    holds = compile_filter(f"a eq {literal(text)} and (b eq 1)", {"a", "b"})
    assert holds({"a": text, "b": 1})
    assert holds({"a": other, "b": 1}) == (other.casefold() == text.casefold())
    assert not re.search(r"(?<!')'(?!')", literal(text)[1:-1].replace("''", ""))


@pytest.mark.parametrize(
    "text",
    [
        *("", "a", "a eq", "a eq 'x", "a eq x", "a = 1", "a eq 1 or", "(a eq 1", "a eq 1)"),
        *("a eq 'it's'", "a eq 1 b eq 2", "A eq 1", "a EQ 1", "and eq 1", "a eq 'x'b", "a lt 1"),
    ],
)
def test_a_malformed_filter_is_refused(text: str) -> None:
    with pytest.raises(FilterError):
        compile_filter(text, {"a", "b"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a eq 1 or a eq 2 and b eq 3", True),
        ("(a eq 1 or a eq 2) and b eq 3", False),
        ("not (a eq 1)", False),
        ("b eq null and a ne 2", True),
        ("a eq true", False),
    ],
)
def test_and_binds_tighter_than_or(text: str, expected: bool) -> None:
    assert compile_filter(text, {"a", "b"})({"a": 1}) is expected


# -- Retry-After ---------------------------------------------------------------------------------


@given(st.integers(0, 10**6))
def test_a_pause_is_the_same_in_seconds_and_as_a_date(seconds: int) -> None:
    until = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert retry_after_s(str(seconds), NOW) == retry_after_s(until, NOW) == seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("Mon, 02 Mar 2026 08:00:00 GMT", 0.0),
        ("Mon, 02 Mar 2026 12:00:30 +0300", 30.0),
        ("Mon, 02 Mar 2026 09:00:30 -0000", 30.0),
        ("Mon, 99 Mar 2026 09:00:30 GMT", None),
        ("Mon, 02 Mar 2026 09:00:30 +99999999999999", None),
    ],
)
def test_a_pause_may_be_odd_or_none(text: str | None, expected: float | None) -> None:
    assert retry_after_s(text, NOW.astimezone(timezone(timedelta(hours=3)))) == expected


# -- fields --------------------------------------------------------------------------------------


def test_choices_become_words_and_what_is_no_choice_means_nothing() -> None:
    fields = {
        "payer": CrmField(path="p", values={"1": "cash"}),
        "vip": CrmField(path="v", values={"7": "true"}),
        "needs": CrmField(path="n", values={"1": "child", "2": "deaf"}),
    }
    known = profile_of({"payer": 1, "vip": 7, "needs": "2,1,9,2"}, fields)
    assert (known.payer, known.vip, known.needs) == ("cash", True, ("deaf", "child"))
    other = profile_of({"payer": 2, "vip": 1, "needs": None}, fields)
    assert (other.payer, other.vip, other.needs) == ("unknown", False, ())


@pytest.mark.parametrize("value", [None, "", "  ", 1.5, [], {}, "\x00"])
def test_what_is_no_word_is_nobody_s_name(value: object) -> None:
    assert profile_of({"name": value}, {"name": CrmField(path="n")}).name is None


def test_a_text_is_cleaned_and_cut() -> None:
    name = profile_of({"name": "a\x00\ud800" + "x" * 500}, {"name": CrmField(path="n")}).name
    assert name is not None
    assert name.startswith("a?x")
    assert len(name) == 200


PROFILES = st.builds(
    CrmProfile,
    status=st.just("found"),
    payer=st.sampled_from(["cash", "insured", "unknown"]),
    insurer=st.sampled_from([None, "a", "b"]),
    name=st.sampled_from(["A", "B"]),
    vip=st.booleans(),
    language=st.sampled_from([None, "ru", "fa"]),
    needs=st.sets(st.sampled_from(["x", "y"])).map(lambda each: tuple(sorted(each))),
)


@given(st.lists(PROFILES, min_size=2, max_size=5))
def test_of_several_only_what_all_share_is_told(profiles: list[CrmProfile]) -> None:
    told = caller_among(profiles)
    assert (told.status, told.reason, told.name) == ("unknown", "ambiguous", None)
    for name, nothing in (("payer", "unknown"), ("insurer", None), ("language", None)):
        values = {getattr(profile, name) for profile in profiles}
        assert getattr(told, name) == (values.pop() if len(values) == 1 else nothing)
    assert told.vip == (sum(profile.vip for profile in profiles) == len(profiles))
    assert set(told.needs) == set.intersection(*(set(profile.needs) for profile in profiles))


# -- cache ---------------------------------------------------------------------------------------

KEYS = st.sampled_from([b"a", b"b", b"c", b"d"])


@given(
    st.lists(
        st.tuples(st.sampled_from(["put", "get", "wait", "drop"]), KEYS, st.integers(0, 5)),
        max_size=40,
    )
)
def test_the_cache_keeps_the_last_used_and_nothing_beyond_its_time(
    steps: list[tuple[str, bytes, int]],
) -> None:
    cache: LookUpCache[CrmProfile] = LookUpCache(2)
    now = 0.0
    used: list[tuple[bytes, float, CrmProfile]] = []  # oldest use first
    for index, (step, key, seconds) in enumerate(steps):
        found = next((each for each in used if each[0] == key), None)
        if step == "wait":
            now += seconds
        elif step == "drop":
            cache.drop_expired(now)
            used = [each for each in used if each[1] > now]
        elif step == "put" and seconds > 0:
            profile = CrmProfile(status="found", name=str(index))
            cache.put(key, profile, now=now, keep_s=seconds)
            used = [each for each in used if each[0] != key] + [(key, now + seconds, profile)]
            used = used[-2:]
        elif step == "put":
            cache.put(key, CrmProfile(status="found"), now=now, keep_s=0)
        elif found is None or found[1] <= now:
            assert cache.get(key, now) is None
            used = [each for each in used if each[0] != key]
        else:
            assert cache.get(key, now) is found[2]
            used = [each for each in used if each[0] != key] + [found]
        assert len(cache) == len(used)
