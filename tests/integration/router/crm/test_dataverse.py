"""What only Dataverse has: tokens, numbers as free text, and refusals in OData's form."""

import asyncio
from typing import Any

import pytest
import structlog

from careline_common.testing.waiting import eventually
from careline_router.fakes.dataverse import Dataverse, service_limit
from careline_router.fakes.http_server import Hang, Reply

pytestmark = pytest.mark.integration

ANNA = "+79161234567"
BORIS = "+79167654321"


@pytest.fixture
async def org(open_world: Any) -> Any:
    return await open_world("dataverse")


def login(org: Any) -> Any:
    assert isinstance(org.handler, Dataverse)
    return org.handler.login


def number(index: int) -> str:
    return f"+7916{index:07}"


# -- tokens --------------------------------------------------------------------------------------


async def test_one_token_serves_until_its_end(org: Any) -> None:
    crm = org.crm(cache_s=0)
    await crm.look_up(ANNA)
    org.clock.advance(3598)
    await crm.look_up(ANNA)
    assert len(login(org).asked) == 1
    org.clock.advance(1)
    assert (await crm.look_up(ANNA)).status == "found"
    assert len(login(org).asked) == 2


async def test_a_token_is_there_before_the_first_call_and_renewed_before_its_end(org: Any) -> None:
    org.handler.token_life_s = 1
    crm = org.crm()
    await eventually(lambda: len(login(org).asked) >= 3)
    assert org.desk.asked == []
    login(org).always = Hang()
    await eventually(lambda: login(org).hanging == 1)
    assert (await crm.look_up(ANNA)).status == "found"


async def test_who_closes_ends_the_renewing(org: Any) -> None:
    def renewing() -> bool:
        return any("ClientCredentials" in repr(task) for task in asyncio.all_tasks())

    login(org).next(Hang())
    crm = org.crm()
    await eventually(lambda: login(org).hanging == 1)
    assert renewing()
    await crm.close()
    assert not renewing()


async def test_calls_at_once_log_in_once(org: Any) -> None:
    login(org).next(Hang())
    crm = org.crm()
    calls = [asyncio.create_task(crm.look_up(number(index))) for index in range(8)]
    await eventually(lambda: login(org).hanging == 1)
    login(org).release()
    assert {profile.reason for profile in await asyncio.gather(*calls)} == {"not_found"}
    assert len(login(org).asked) == 1


async def test_a_token_withdrawn_early_is_renewed_once_for_all(org: Any) -> None:
    crm = org.crm()
    await crm.look_up(BORIS)
    org.handler.withdraw_tokens()
    profiles = await asyncio.gather(*(crm.look_up(number(index)) for index in range(8)))
    assert {profile.reason for profile in profiles} == {"not_found"}
    assert len(login(org).asked) == 2


async def test_a_token_that_is_refused_again_ends_the_look_up(org: Any) -> None:
    org.desk.next(Reply(status=401), Reply(status=401))
    crm = org.crm()
    assert (await crm.look_up(ANNA)).reason == "auth"
    assert (len(org.desk.asked), len(login(org).asked)) == (2, 2)
    assert (await crm.look_up(ANNA)).status == "found"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"client_secret": "wrong"}, "auth"),
        ({"client_id": "wrong"}, "auth"),
        ({"scope": "contacts"}, "auth"),
    ],
)
async def test_a_login_that_is_refused_is_auth_and_nothing_is_asked(
    org: Any, changed: dict[str, str], reason: str
) -> None:
    with structlog.testing.capture_logs() as lines:
        assert (await org.crm(**changed).look_up(ANNA)).reason == reason
    assert org.desk.asked == []
    assert "invalid_" in str(lines)
    assert "wrong" not in str(lines)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Reply(status=500), "server_error"),
        (Reply(body=b"{}"), "bad_answer"),
        (Reply(body=b'{"access_token":"a\\r\\nb"}'), "bad_answer"),
        (Reply(status=429, headers={"Retry-After": "30"}), "throttled"),
    ],
)
async def test_a_login_that_fails_says_how(org: Any, answer: Reply, reason: str) -> None:
    login(org).always = answer
    assert (await org.crm().look_up(ANNA)).reason == reason


async def test_a_pause_of_the_login_is_no_pause_of_the_contacts(org: Any) -> None:
    login(org).next(Reply(status=503, headers={"Retry-After": "30"}))
    crm = org.crm()
    assert (await crm.look_up(ANNA)).reason == "throttled"
    org.clock.advance(29)
    assert (await crm.look_up(ANNA)).reason == "throttled"
    assert len(login(org).asked) == 1
    org.clock.advance(1)
    assert (await crm.look_up(ANNA)).status == "found"


async def test_a_service_protection_limit_is_respected_to_the_second(org: Any) -> None:
    org.desk.next(service_limit("283"))
    crm = org.crm(failures_to_open=1)
    assert (await crm.look_up(ANNA)).reason == "throttled"
    org.clock.advance(282.9)
    assert (await crm.look_up(ANNA)).reason == "throttled"
    assert len(org.desk.asked) == 1
    org.clock.advance(0.1)
    assert (await crm.look_up(ANNA)).status == "found"


# -- the question --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    [
        "+79161110000",
        "79161110000",
        "89161110000",
        "9161110000",
        "+7 916 111-00-00",
        "8 (916) 111-00-00",
        "+7 (916) 111-00-00",
    ],
)
async def test_a_number_is_found_however_it_was_typed(org: Any, written: str) -> None:
    org.knows(written, {"name": "Vera", "payer": "cash", "language": "ru"})
    assert (await org.crm().look_up("+79161110000")).name == "Vera"


async def test_a_spelling_of_the_operator_s_own_is_asked_for_too(org: Any) -> None:
    org.knows("8-916-111.00.00", {"name": "Vera", "payer": "cash", "language": "ru"})
    assert (await org.crm().look_up("+79161110000")).reason == "not_found"
    own = org.crm(spellings=["e164", "8-###-###.##.##"])
    assert (await own.look_up("+79161110000")).name == "Vera"


async def test_a_foreigner_is_not_taken_for_whose_number_was_typed_without_country(
    org: Any,
) -> None:
    org.knows("9121234567", {"name": "Vera", "payer": "cash", "language": "ru"})
    crm = org.crm()
    assert (await crm.look_up("+79121234567")).name == "Vera"
    assert (await crm.look_up("+989121234567")).reason == "not_found"
    at_home = org.crm(region="IR")
    assert (await at_home.look_up("+989121234567")).name == "Vera"
    assert (await at_home.look_up("+79121234567")).reason == "not_found"


async def test_a_number_without_a_spelling_is_nobody_s_and_nothing_is_asked(org: Any) -> None:
    crm = org.crm(spellings=["+{cc} (###) ###-##-##"], filter=None)
    assert (await crm.look_up("+375291234567")).reason == "not_found"
    assert org.desk.asked == []
    assert (await crm.look_up(ANNA)).status == "found"


async def test_a_quote_in_a_pattern_cannot_end_the_literal(org: Any) -> None:
    crm = org.crm(spellings=["' or statecode eq 0 or ''eq'{national}"])
    assert (await crm.look_up(ANNA)).reason == "not_found"
    crm = org.crm(spellings=["'{national}'"])
    org.knows("'9161110000'", {"name": "Vera", "payer": "cash", "language": "ru"})
    assert (await crm.look_up("+79161110000")).name == "Vera"


async def test_who_is_not_active_is_not_found(org: Any) -> None:
    org.handler.people[0] = {**org.handler.people[0], "statecode": 1}
    assert (await org.crm().look_up(ANNA)).reason == "not_found"
    assert (await org.crm(filter=None).look_up(ANNA)).status == "found"


@pytest.mark.parametrize(
    "changed",
    [
        {"filter": "statecode eq"},
        {"filter": "nosuchcolumn eq 1"},
        {"phones": ["nosuchcolumn"]},
        {"map": {"name": "nosuchcolumn"}},
        {"table": "patients"},
    ],
)
async def test_a_question_the_environment_does_not_understand_is_refused_with_its_code(
    org: Any, changed: dict[str, Any]
) -> None:
    with structlog.testing.capture_logs() as lines:
        assert (await org.crm(**changed).look_up(ANNA)).reason == "refused"
    assert [line["detail"].split(" ")[2] for line in lines] == ["0x80060888"]
    assert "nosuchcolumn" not in str(lines)


async def test_only_what_is_needed_is_asked_for(org: Any) -> None:
    await org.crm(map={"payer": "new_payer", "vip": "new_vip"}).look_up(ANNA)
    (request,) = org.desk.asked
    query = request.parts.query
    assert "%24select=new_payer%2Cnew_vip" in query or "$select=new_payer%2Cnew_vip" in query
    assert "$top=6" in query
    assert "+" not in query
    assert request.headers["odata-version"] == "4.0"
