"""Tracking codes, the limiter, persons, sight and the chain."""

from datetime import UTC, date, datetime

import pytest

from careline_common.clock import ManualClock
from careline_tickets.adapters.chance import SystemChance
from careline_tickets.domain.history import START, Entry, chained, digest
from careline_tickets.domain.person import Person, birth_date_fault
from careline_tickets.domain.sight import Sight, Viewer, sight
from careline_tickets.domain.ticket import Details, Ticket
from careline_tickets.domain.tracking import ALPHABET, read_code
from careline_tickets.domain.vocabulary import Channel, Kind
from careline_tickets.limiter import Limiter

pytestmark = pytest.mark.unit

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def test_tracking_codes_have_sixty_random_bits_and_differ() -> None:
    codes = {SystemChance().code() for _ in range(500)}
    assert len(codes) == 500
    for code in codes:
        signs = code.replace("-", "")
        assert len(signs) * 5 >= 50
        assert set(signs) <= set(ALPHABET)


@pytest.mark.parametrize(
    "typed",
    ["7K2M-X09D-10TC", "7k2mx09d10tc", " 7K2M X09D IOTC", "7k2m–x09d–lotc", "۷K۲M-X۰۹D-۱۰TC"],
)
def test_a_tracking_code_is_read_as_people_type_it(typed: str) -> None:
    assert read_code(typed) == "7K2M-X09D-10TC"


@pytest.mark.parametrize("typed", ["", "7K2M", "7K2M-X09D-10TCA", "7K2M-X09D-10T!", "U" * 12])
def test_what_is_no_tracking_code_is_none(typed: str) -> None:
    assert read_code(typed) is None


def test_an_address_may_ask_so_often_a_minute(manual_clock: ManualClock) -> None:
    limiter = Limiter(per_minute=30, clock=manual_clock)
    assert all(limiter.wait_s("10.0.0.1") == 0 for _ in range(30))
    assert 0 < limiter.wait_s("10.0.0.1") <= 2
    assert limiter.wait_s("10.0.0.2") == 0
    manual_clock.advance(2)
    assert limiter.wait_s("10.0.0.1") == 0
    assert limiter.wait_s("10.0.0.1") > 0


def test_a_network_of_ipv6_addresses_counts_as_one(manual_clock: ManualClock) -> None:
    limiter = Limiter(per_minute=1, clock=manual_clock)
    assert limiter.wait_s("2001:db8::1") == 0
    assert limiter.wait_s("2001:db8::2") > 0
    assert limiter.wait_s("2001:db8:0:1::2") == 0


@pytest.mark.parametrize(
    ("born", "right"),
    [
        (date(1890, 1, 1), False),
        (date(1899, 12, 31), False),
        (date(1900, 1, 1), True),
        (date(2026, 3, 2), True),
        (date(2026, 3, 3), False),
        (date(2090, 1, 1), False),
    ],
)
def test_birth_dates(born: date, right: bool) -> None:
    assert (birth_date_fault(born, NOW.date()) is None) is right


def test_a_policy_number_is_compared_without_spaces_and_case() -> None:
    assert Person(policy_number=" 46-00 ab").policy_key == "4600AB"
    assert Person(policy_number="--").policy_key is None


def test_a_person_does_not_show_when_printed() -> None:
    person = Person(phone="+79161234567", name="Ivan", policy_number="46")
    assert repr(person) == "Person()"


def appeal(*, insurer: str | None = None, experts: frozenset[str] = frozenset()) -> Ticket:
    details = Details(channel=Channel.PHONE, kind=Kind.COMPLAINT, insurer=insurer)
    return Ticket(
        id="t-1",
        number="T-2026-000001",
        tracking_code="x",
        details=details,
        registered_at=NOW,
        updated_at=NOW,
        experts=experts,
    )


@pytest.mark.parametrize(
    ("roles", "insurer", "seen"),
    [
        ({"agent"}, None, Sight.ALL),
        ({"specialist"}, None, Sight.ALL),
        ({"contact_admin"}, None, Sight.ALL),
        ({"auditor"}, None, Sight.ALL),
        ({"service"}, None, Sight.ALL),
        ({"insurer"}, "ins7", Sight.ALL),
        ({"insurer"}, "ins8", Sight.NOTHING),
        ({"insurer"}, None, Sight.NOTHING),
        ({"expert"}, None, Sight.FACTS),
        ({"admin"}, None, Sight.FACTS),
        ({"supervisor", "floor"}, None, Sight.FACTS),
        ({"supervisor"}, None, Sight.NOTHING),
        ({"pbx"}, None, Sight.NOTHING),
        (set(), None, Sight.NOTHING),
    ],
)
def test_who_sees_what(roles: set[str], insurer: str | None, seen: Sight) -> None:
    viewer = Viewer(id="me", roles=frozenset(roles), insurer=insurer)
    assert sight(appeal(insurer="ins7"), viewer) is seen


def test_nobodys_insurer_is_not_the_insurer_of_an_appeal_without_one() -> None:
    assert sight(appeal(), Viewer(id="me", roles=frozenset({"insurer"}))) is Sight.NOTHING


def test_an_invited_expert_sees_all() -> None:
    viewer = Viewer(id="me", roles=frozenset({"expert"}))
    assert sight(appeal(experts=frozenset({"me"})), viewer) is Sight.ALL


def entry(version: int, **after: object) -> Entry:
    return Entry(
        ticket_id="t-1",
        version=version,
        at=NOW,
        actor="a1",
        action="take",
        before={},
        after=after,
        contents={},
    )


def test_the_chain_depends_on_every_row_before() -> None:
    first = chained(START, entry(1, status="new"))
    assert first == chained(START, entry(1, status="new"))
    assert first != chained(START, entry(1, status="closed"))
    assert chained(first, entry(2)) != chained(chained(START, entry(1, status="x")), entry(2))


def test_a_digest_needs_its_salt() -> None:
    assert digest(b"1", "text") != digest(b"2", "text")
