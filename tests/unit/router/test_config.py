"""The router's sections: what is right, what is wrong and where."""

from datetime import UTC, datetime
from typing import Any

import pytest

from careline_common.config.entries import Configuration, Entry
from careline_common.config.models import Line
from careline_common.config.section import EntryInvalidError
from careline_router.adapters.cel_conditions import compile_condition
from careline_router.config import SECTIONS, cross_check
from careline_router.dial_endpoints import checked_template, endpoint_of
from careline_router.domain.flows import preferred_agent, priority_of
from careline_router.domain.specs import CallbackRules, FloorSpec, RelaxStep
from careline_router.floorplan import FloorPlan
from careline_router.intake import contact_of, utc_offset_s

pytestmark = pytest.mark.unit

BY_NAME = {section.name: section for section in SECTIONS}

BY_ARI = {"id": "p", "kind": "asterisk", "url": "http://x", "user": "u", "password": "p"}
DIALS = {"dial_endpoint": "PJSIP/{number}@trunk"}

LOGIN = {"tenant": "t", "client_id": "c", "client_secret": "s"}

DOCUMENT: dict[str, list[dict[str, Any]]] = {
    "skills": [{"id": "adult"}],
    "queues": [{"id": "q"}, {"id": "rich"}],
    "flows": [
        {
            "id": "main",
            "default": {"queue": "q", "skills": {"adult": 1}},
            "rules": [{"when": "crm.payer == 'cash'", "queue": "rich"}],
        }
    ],
    "lines": [{"number": "+74950000001", "flow": "main"}],
    "teams": [{"id": "t1", "lead": "sup1"}],
    "agents": [{"id": "a1", "team": "t1", "skills": {"adult": 10}}],
}


def configuration(document: dict[str, list[dict[str, Any]]]) -> Configuration:
    return Configuration(
        Entry(name, entry.get(BY_NAME[name].key, name), BY_NAME[name].read(entry, strict=True), 1)
        for name, entries in document.items()
        for entry in entries
    )


def faults(section: str, **changed: Any) -> list[tuple[str, str]]:
    first = DOCUMENT.get(section, [{}])[0]
    rest = DOCUMENT.get(section, [])[1:]
    document = {**DOCUMENT, section: [{**first, **changed}, *rest]}
    return [
        (f"{fault.section}.{fault.id}.{fault.path}", fault.reason)
        for fault in cross_check(configuration(document))
    ]


def test_what_fits_together_has_no_faults() -> None:
    assert list(cross_check(configuration(DOCUMENT))) == []


@pytest.mark.parametrize(
    ("section", "changed", "path"),
    [
        ("flows", {"default": {"queue": "none"}}, "flows.main.default.queue"),
        ("flows", {"rules": [{"when": "true", "queue": "x"}]}, "flows.main.rules[0].queue"),
        (
            "flows",
            {"default": {"queue": "q", "skills": {"old": 1}}},
            "flows.main.default.skills.old",
        ),
        ("lines", {"flow": "none"}, "lines.+74950000001.flow"),
        ("queues", {"recipe": [{}, {"queue": "none"}]}, "queues.q.recipe[1].queue"),
        ("queues", {"recipe": [{"drop_skills": ["old"]}]}, "queues.q.recipe[0].drop_skills[0]"),
        ("queues", {"recipe": [{"add_skills": {"old": 1}}]}, "queues.q.recipe[0].add_skills.old"),
        ("floor", {"callbacks": {"missed_queue": "none"}}, "floor.floor.callbacks.missed_queue"),
        ("floor", {"callbacks": {"missed": True}}, "floor.floor.callbacks.missed"),
        ("agents", {"team": "none"}, "agents.a1.team"),
        ("agents", {"skills": {"none": 1}}, "agents.a1.skills.none"),
    ],
)
def test_what_names_something_that_is_not_there_is_told_with_its_place(
    section: str, changed: dict[str, Any], path: str
) -> None:
    assert [where for where, _ in faults(section, **changed)] == [path]


@pytest.mark.parametrize(
    ("section", "entry", "path"),
    [
        ("queues", {"id": "q", "target_s": -1}, "target_s"),
        ("queues", {"id": "q", "speed": 1}, "speed"),
        ("queues", {"id": "q", "max_wait_by_class": {"first": 1}}, "max_wait_by_class.first"),
        ("queues", {"id": "q", "recipe": [{"lower_levels_by": 10}]}, "recipe[0].lower_levels_by"),
        ("queues", {"id": "q", "min_idle": -1}, "min_idle"),
        ("agents", {"id": "a", "kind": "robot"}, "kind"),
        ("agents", {"id": "a", "capacity": 0}, "capacity"),
        ("floor", {"policy": "best"}, "policy"),
        ("floor", {"callbacks": {"quiet": ["21:00"]}}, "callbacks.quiet"),
        ("floor", {"callbacks": {"quiet": ["21:00-24:30"]}}, "callbacks.quiet"),
        ("floor", {"callbacks": {"quiet": ["09:00-09:00"]}}, "callbacks.quiet"),
        ("floor", {"callbacks": {"quiet": ["21:00-09:00", "09:00-21:00"]}}, "callbacks.quiet"),
        ("floor", {"callbacks": {"key": "12"}}, "callbacks.key"),
        ("floor", {"occupancy_cap_pct": 101}, "occupancy_cap_pct"),
        ("floor", {"units": {"chat": 1}}, "units.chat"),
        (
            "flows",
            {"id": "f", "default": {"queue": "q", "prefer_owner_s": -1}},
            "default.prefer_owner_s",
        ),
        ("agents", {"id": "a", "skills": {"x": 11}}, "skills.x"),
        ("agents", {"id": "a", "accept": "maybe"}, "accept"),
        ("flows", {"id": "f", "default": {"queue": "q", "priority": "first"}}, "default.priority"),
        (
            "flows",
            {"id": "f", "default": {"queue": "q"}, "rules": [{"when": "1 +", "queue": "q"}]},
            "rules[0].when",
        ),
        ("crm", {"kind": "http", "url": "ftp://x/{phone}"}, "url"),
        ("crm", {"kind": "http"}, ""),
        ("crm", {"kind": "http", "url": "http://x/"}, "url"),
        ("crm", {"kind": "http", "url": "http://x/#/{phone}"}, "url"),
        ("crm", {"kind": "http", "url": "http://me:secret@x/{phone}"}, "url"),
        ("crm", {"kind": "http", "url": "http://x/{phone}", "token": "ключ"}, "token"),
        ("crm", {"kind": "http", "url": "http://x/{phone}", "token": "a\r\nb"}, "token"),
        ("crm", {"kind": "http", "url": "http://x/{phone}", "ca": ""}, "ca"),
        ("crm", {"kind": "http", "url": "http://x/{phone}", "ca": "no certificate"}, "ca"),
        ("crm", {"kind": "http", "url": "http://x/{phone}", "region": "ru"}, "region"),
        (
            "crm",
            {"kind": "dataverse", "url": "http://x", **LOGIN, "token_url": "http://login.test/"},
            "token_url",
        ),
        ("crm", {"kind": "http", "url": "http://x/{phone}", "client_id": "x"}, "client_id"),
        ("crm", {"kind": "http", "url": "http://x/{phone}", "map": {"x": "$.x"}}, "map.x"),
        ("crm", {"kind": "http", "url": "http://x/{phone}", "spelling": "{x}#"}, "spelling"),
        ("crm", {"kind": "dataverse", "url": "http://x"}, ""),
        ("crm", {"kind": "dataverse", "url": "http://x/?a=b", **LOGIN}, "url"),
        ("crm", {"kind": "dataverse", "url": "http://x", **LOGIN, "phones": ["a b"]}, "phones[0]"),
        ("crm", {"kind": "dataverse", "url": "http://x", **LOGIN, "token": "t"}, "token"),
        (
            "crm",
            {"kind": "dataverse", "url": "http://x", **LOGIN, "spellings": ["e164", "{x}#"]},
            "spellings[1]",
        ),
        ("pbxs", {"id": "p", "kind": "webhook"}, ""),
        ("pbxs", {"id": "p", "kind": "webhook", "secret": "plain"}, "secret"),
        ("pbxs", {"id": "p", "kind": "asterisk", "url": "http://x"}, ""),
        ("pbxs", {**BY_ARI, "dial_endpoint": "PJSIP/trunk"}, "dial_endpoint"),
        ("pbxs", {**BY_ARI, "dial_endpoint": "PJSIP/{number}{digits}@trunk"}, "dial_endpoint"),
        ("pbxs", {**BY_ARI, "dial_endpoint": "{number}@trunk"}, "dial_endpoint"),
        ("pbxs", {**BY_ARI, "dial_endpoint": "PJSIP/{number}@a&PJSIP/b"}, "dial_endpoint"),
        ("pbxs", {**BY_ARI, "dial_endpoint": "local/{number}@out"}, "dial_endpoint"),
        ("pbxs", {**BY_ARI, **DIALS, "dial_caller_id": "101"}, "dial_caller_id"),
        ("pbxs", {**BY_ARI, **DIALS, "dial_timeout_s": 0}, "dial_timeout_s"),
        ("pbxs", {"id": "p", "kind": "webhook", "secret": "whsec_c2VjcmV0", **DIALS}, ""),
    ],
)
def test_a_wrong_entry_is_refused_at_its_path(
    section: str, entry: dict[str, Any], path: str
) -> None:
    with pytest.raises(EntryInvalidError) as caught:
        BY_NAME[section].read(entry, strict=True)
    assert [error["path"] for error in caught.value.errors] == [path]


@pytest.mark.parametrize(
    ("entry", "path"),
    [
        ({"kind": "http", "url": "http://x/{phone}", "map": {"payer": "payer"}}, "map.payer"),
        ({"kind": "http", "url": "http://x/{phone}"}, "map"),
        (
            {
                "kind": "http",
                "url": "http://x/{phone}",
                "map": {"payer": {"field": "$.payer", "values": {"1": "cash", "2": "insurred"}}},
            },
            "map.payer.values",
        ),
        (
            {"kind": "dataverse", "url": "http://x", **LOGIN, "map": {"name": "$.name"}},
            "map.name",
        ),
    ],
)
def test_a_crm_is_mapped_in_its_own_form(entry: dict[str, Any], path: str) -> None:
    read = BY_NAME["crm"].read(entry, strict=True)
    wrong = cross_check(Configuration([Entry("crm", "crm", read, 1)]))
    assert [(fault.section, fault.path) for fault in wrong] == [("crm", path)]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("crm.payer ==", "not a CEL expression"),
        ("caller == '+7'", "unknown name caller"),
        ("[1, 2].all(x, x > 0)", "macro all"),
        ("crm.needs.map(x, x).size() > 1", "macro map"),
        ("crm.payer == '" + "x" * 1000 + "'", "at most 1000"),
    ],
)
def test_a_condition_that_cannot_or_must_not_run_is_not_compiled(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        compile_condition(text)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("crm.payer == 'cash'", True),
        ("crm.payer == 'insured'", False),
        ("crm.vip || ivr.digit == '1'", True),
        ("ivr.nothing == '1'", False),
        ("has(ivr.nothing) && ivr.nothing == '1'", False),
        ("crm.name == '.map('", False),
        ("crm.payer", False),
        ("time.hour >= 9 && time.weekday < 6", True),
    ],
)
def test_a_condition_holds_only_when_it_is_true(text: str, holds: bool) -> None:
    facts = {
        "crm": {"payer": "cash", "vip": False, "name": None},
        "call": {"line": "+7"},
        "ivr": {"digit": "1"},
        "time": {"hour": 12, "weekday": 1},
    }
    assert compile_condition(text).holds(facts) is holds


def test_a_rule_takes_nothing_from_the_default_and_the_first_one_wins() -> None:
    plan = FloorPlan.of(configuration(DOCUMENT))
    flow = plan.flows["main"]
    facts: dict[str, Any] = {"crm": {"payer": "cash"}, "call": {}, "ivr": {}, "time": {}}
    rich = flow.branch_for(facts)
    assert (rich.queue, dict(rich.skills)) == ("rich", {})
    assert priority_of(rich, "cash") == "cash"
    usual = flow.branch_for({**facts, "crm": {"payer": "insured"}})
    assert usual.queue == "q"
    assert [priority_of(usual, payer) for payer in ("insured", "unknown")] == ["insured"] * 2


@pytest.mark.parametrize("written", ["+74950000001", "74950000001", "+7 495 000-00-01"])
def test_a_line_is_found_however_the_pbx_writes_it(written: str) -> None:
    line = FloorPlan.of(configuration(DOCUMENT)).line(written)
    assert line is not None
    assert line.number == "+74950000001"


def test_a_line_that_is_not_configured_is_not_found() -> None:
    assert FloorPlan.of(configuration(DOCUMENT)).line("sip:x") is None


@pytest.mark.parametrize(
    ("caller", "phone", "number"),
    [
        ("+79161234567", "+79161234567", "+79161234567"),
        ("79161234567", "+79161234567", "+79161234567"),
        ("anonymous", None, None),
        ("", None, None),
        (None, None, None),
        ("101", "101", None),
        ("Alice", "Alice", None),
    ],
)
def test_a_caller_is_a_number_or_what_the_pbx_said_or_nobody(
    caller: str | None, phone: str | None, number: str | None
) -> None:
    contact = contact_of(caller, {})
    assert (contact.phone, contact.number) == (phone, number)


@pytest.mark.parametrize(
    ("caller", "region", "phone"),
    [
        # the same digits without "+" would be of Vietnam and of India
        ("84951234567", "RU", "+74951234567"),
        ("9161234567", "RU", "+79161234567"),
        ("89161234567", "RU", "+79161234567"),
        ("79161234567", "RU", "+79161234567"),
        ("+84951234567", "RU", "+84951234567"),
        ("989121234567", "RU", "+989121234567"),
        ("09121234567", "IR", "+989121234567"),
        ("1234567", "RU", "1234567"),
        ("101", "RU", "101"),
        ("84951234567", None, "+84951234567"),
    ],
)
def test_a_number_without_plus_is_read_as_it_is_dialled_where_the_line_is(
    caller: str, region: str | None, phone: str
) -> None:
    assert contact_of(caller, {}, region=region).phone == phone


def test_a_policy_that_is_none_is_told_with_those_that_there_are() -> None:
    with pytest.raises(EntryInvalidError, match="'best': one of careline, rrmemory_w0, "):
        BY_NAME["floor"].read({"policy": "best"}, strict=True)


def test_without_the_new_keys_a_floor_is_as_it_was() -> None:
    plan = FloorPlan.of(configuration(DOCUMENT))
    assert plan.floor_spec() == FloorSpec()
    assert plan.callbacks is None
    (queue, _) = plan.queue_specs()
    assert (queue.recipe, queue.min_idle, queue.max_wait_by_class) == ((), 0, {})
    (agent,) = plan.agent_specs()
    assert (agent.kind, agent.capacity) == ("human", 1)


def test_the_floor_gets_all_that_is_configured() -> None:
    floor = {
        "policy": "rrmemory",
        "callbacks": {"wait_s": 90, "quiet": ["21:00-09:30"], "retry_after_s": [60]},
        "occupancy_cap_pct": 85,
        "units": {"message": 2},
        "interruptible": ["task"],
    }
    queue = {
        "id": "q",
        "wrap_up_max_s": 90,
        "max_wait_by_class": {"vip": 30},
        "recipe": [{"after_s": 20, "idle_below": 2, "lower_levels_by": 2}, {"queue": "rich"}],
        "min_idle": 3,
    }
    agent = {"id": "b1", "kind": "bot", "capacity": 20}
    document: dict[str, list[dict[str, Any]]] = {
        **DOCUMENT,
        "floor": [floor],
        "agents": [agent],
        "queues": [queue, {"id": "rich"}],
    }
    plan = FloorPlan.of(configuration(document))
    assert plan.floor_spec() == FloorSpec(
        policy="rrmemory",
        callbacks=CallbackRules(wait_s=90, quiet=((75_600, 34_200),), retry_after_s=(60,)),
        occupancy_cap_pct=85,
        units={"message": 2},
        interruptible=("task",),
    )
    spec = plan.queue_specs()[0]
    assert (spec.wrap_up_max_s, spec.min_idle, spec.max_wait_of("vip")) == (90, 3, 30)
    assert spec.recipe == (
        RelaxStep(after_s=20, idle_below=2, lower_levels_by=2),
        RelaxStep(queue="rich"),
    )
    assert (plan.agent_specs()[0].kind, plan.agent_specs()[0].capacity) == ("bot", 20)


def test_a_site_is_a_skill_that_its_agents_have() -> None:
    flow = {"id": "main", "default": {"queue": "q", "skills": {"adult": 1}, "site": "msk"}}
    agents = [
        {"id": "a1", "skills": {"adult": 5}, "site": "msk"},
        {"id": "a2", "skills": {"adult": 5}, "site": "spb"},
    ]
    plan = FloorPlan.of(configuration({**DOCUMENT, "flows": [flow], "agents": agents}))
    assert plan.skills_into("q") == {"adult": 1, "@msk": 10}
    assert plan.serving("q") == ("a1",)
    assert plan.serving("q") == ("a1",)
    assert plan.serving("unknown") == ()


@pytest.mark.parametrize(
    ("owner", "last_agent", "wanted"),
    [
        ("o", "l", ("o", 30)),
        (None, "l", ("l", 10)),
        (None, None, (None, 0)),
    ],
)
def test_a_call_waits_first_for_who_has_the_appeal_then_for_who_spoke_last(
    owner: str | None, last_agent: str | None, wanted: tuple[str | None, float]
) -> None:
    preferring = {"queue": "q", "prefer_owner_s": 30, "prefer_last_agent_s": 10}
    plan = FloorPlan.of(
        configuration({**DOCUMENT, "flows": [{"id": "main", "default": preferring}]})
    )
    branch = plan.flows["main"].default
    assert preferred_agent(branch, owner=owner, last_agent=last_agent) == wanted


@pytest.mark.parametrize(
    ("number", "zone", "hours"),
    [
        ("+74951234567", "Asia/Yekaterinburg", 3),
        ("+79161234567", "Asia/Yekaterinburg", 5),
        ("+982112345678", None, 3.5),
        (None, "Europe/Moscow", 3),
        (None, None, 0),
    ],
)
def test_a_callers_clock_is_his_numbers_else_his_lines(
    number: str | None, zone: str | None, hours: float
) -> None:
    line = Line(number="+74950000001", flow="main", zone=zone)
    at = datetime(2026, 11, 22, 9, tzinfo=UTC)
    assert utc_offset_s(number, line, at) == hours * 3600


@pytest.mark.parametrize(
    ("second", "pbx"),
    [
        ({"kind": "webhook", "secret": "whsec_c2VjcmV0"}, "p2"),
        (BY_ARI, None),
        ({**BY_ARI, **DIALS}, "p2"),
    ],
)
def test_a_callback_begins_at_a_pbx_that_dials(second: dict[str, Any], pbx: str | None) -> None:
    pbxs = [{**BY_ARI, "id": "p1"}, {**second, "id": "p2"}]
    plan = FloorPlan.of(configuration({**DOCUMENT, "pbxs": pbxs}))
    way = plan.way_into("q")
    assert (way and (way.pbx, way.line.number)) == (pbx and (pbx, "+74950000001"))
    assert plan.way_into("nowhere") is None


@pytest.mark.parametrize(
    ("template", "endpoint"),
    [
        ("PJSIP/{number}@trunk", "PJSIP/+79161234567@trunk"),
        (
            "PJSIP/trunk/sip:{digits}@10.0.0.1:5060;user=phone",
            "PJSIP/trunk/sip:79161234567@10.0.0.1:5060;user=phone",
        ),
        ("SIP/provider-2/00{digits}", "SIP/provider-2/0079161234567"),
    ],
)
def test_a_number_is_put_where_the_template_says(template: str, endpoint: str) -> None:
    assert endpoint_of(checked_template(template), "+79161234567") == endpoint
