"""Days off as `holidays` and iCalendars have them, and what they would change of a calendar."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careline_router.adapters.holiday_sources import UnusableSourceError, of_country, of_ical
from careline_router.domain.calendar_days import NamedDay, weighed

pytestmark = pytest.mark.unit


def ical(*events: str) -> str:
    bodies = [
        f"BEGIN:VEVENT\nUID:{place}\n{event}\nEND:VEVENT" for place, event in enumerate(events)
    ]
    return "\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:t", *bodies, "END:VCALENDAR"])


def test_a_country_has_its_holidays_and_the_working_days_that_were_transferred() -> None:
    days = {day.day: day.kind for day in of_country("RU", None, 2024)}
    assert days[date(2024, 11, 4)] == "closed"
    assert days[date(2024, 4, 29)] == "closed"  # a Monday, for the Saturday before
    assert days[date(2024, 4, 27)] == "working"
    assert all(day.year == 2024 for day in days)


@pytest.mark.parametrize(
    ("country", "subdivision", "path"), [("XX", None, "country"), ("RU", "ZZ", "subdivision")]
)
def test_what_the_library_does_not_know_is_told_by_its_field(
    country: str, subdivision: str | None, path: str
) -> None:
    with pytest.raises(UnusableSourceError) as caught:
        of_country(country, subdivision, 2024)
    assert caught.value.path == path


def test_whole_days_of_the_year_close_and_nothing_else_does() -> None:
    text = ical(
        "SUMMARY:New Year\nDTSTART;VALUE=DATE:20261231\nDTEND;VALUE=DATE:20270103",
        "SUMMARY:Meeting\nDTSTART:20270301T090000Z\nDTEND:20270301T100000Z",
        "SUMMARY:Off\nSTATUS:CANCELLED\nDTSTART;VALUE=DATE:20270405",
        "SUMMARY:Short\nDTSTART;VALUE=DATE:20270506",
        "SUMMARY:Days\nDTSTART;VALUE=DATE:20270610\nDURATION:P2D",
        "SUMMARY:Each year\nDTSTART;VALUE=DATE:20200704\nRRULE:FREQ=YEARLY",
        "SUMMARY:But not now\nDTSTART;VALUE=DATE:20200705\nRRULE:FREQ=YEARLY\n"
        "EXDATE;VALUE=DATE:20270705",
    )
    assert [(str(day.day), day.name) for day in of_ical(text, 2027)] == [
        ("2027-01-01", "New Year"),
        ("2027-01-02", "New Year"),
        ("2027-05-06", "Short"),
        ("2027-06-10", "Days"),
        ("2027-06-11", "Days"),
        ("2027-07-04", "Each year"),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("hello", "no iCalendar"),
        (ical("SUMMARY:A\nDTSTART;VALUE=DATE:20270132"), "'DTSTART'"),
        (ical("SUMMARY:A\nDTSTART;VALUE=DATE:20270102\nDTEND;VALUE=DATE:20270101"), "before it begins"),
        (ical("SUMMARY:A\nDTSTART;VALUE=DATE:20270102\nRRULE:FREQ=WEEKLY"), "cannot read its rule"),
        (
            ical("SUMMARY:A\nDTSTART;VALUE=DATE:20270102\nRRULE:FREQ=YEARLY\nRRULE:FREQ=YEARLY"),
            "cannot read its rule",
        ),
        (ical("SUMMARY:A\nDTSTART;VALUE=DATE:20260102"), "no whole-day event in 2027"),
        (ical("SUMMARY:A\nDTSTART;VALUE=DATE:20270102\nDURATION:P99999999D"), "DURATION"),
        (ical(*["SUMMARY:A\nDTSTART;VALUE=DATE:20270102"] * 2001), "more than 2000"),
    ],
)  # fmt: skip
def test_a_calendar_that_cannot_be_read_as_it_stands_is_refused(text: str, reason: str) -> None:
    with pytest.raises(UnusableSourceError, match=reason):
        of_ical(text, 2027)


dates = st.dates(date(2027, 1, 1), date(2027, 1, 12))


@given(
    days=st.lists(st.tuples(dates, st.sampled_from(("closed", "working")), st.sampled_from("ab"))),
    closed=st.sets(dates),
    working=st.sets(dates),
)
def test_no_day_changes_sides_and_each_stands_once(
    days: list[tuple[date, str, str]], closed: set[date], working: set[date]
) -> None:
    working -= closed
    named = [NamedDay(day=day, kind=kind, name=name) for day, kind, name in days]  # type: ignore[arg-type]
    proposed = weighed(named, closed=closed, working=working)
    assert [each.day for each in proposed] == sorted({day for day, _, _ in days})
    for each in proposed:
        if each.day not in closed | working:
            assert each.effect == "new"
        else:
            same = each.day in (closed if each.kind == "closed" else working)
            assert each.effect == ("known" if same else "kept")
