"""Which survey is meant, which words are taken, and what is low."""

from dataclasses import replace

import pytest
from pydantic import SecretStr

from careline_surveys.adapters.phones import read_number, read_sender
from careline_surveys.book import definition_of
from careline_surveys.config import DeadlineEntry, SurveyEntry
from careline_surveys.domain import texts
from careline_surveys.domain.definitions import (
    Branch,
    Definition,
    EndedCall,
    Question,
    Trigger,
    for_call,
    for_rendered,
    for_request,
)
from careline_surveys.domain.invitations import after_receipt, after_sending, receipt_means
from careline_surveys.inviting import Links, words_of
from careline_surveys.service import links_of
from careline_surveys.settings import SurveysSettings

pytestmark = pytest.mark.unit

CALL = EndedCall(
    call_id="c1",
    line="+74950000001",
    handled=True,
    talk_s=60,
    transferred=False,
    queue="adult",
    payer="cash",
)


def survey(key: str, trigger: Trigger | None = None, *kinds: str) -> Definition:
    questions = tuple(Question(id=kind, kind=kind) for kind in kinds or ("csi",))
    return Definition(key=key, questions=questions, texts={"ru": "Оцените"}, trigger=trigger)


@pytest.mark.parametrize(
    ("trigger", "wanted"),
    [
        (Trigger(event="call.ended"), True),
        (Trigger(event="call.ended", min_talk_s=60), True),
        (Trigger(event="call.ended", min_talk_s=61), False),
        (Trigger(event="call.ended", max_talk_s=59), False),
        (Trigger(event="call.ended", queues=("adult", "child")), True),
        (Trigger(event="call.ended", queues=("child",)), False),
        (Trigger(event="call.ended", lines=("+7",)), False),
        (Trigger(event="call.ended", payers=("insured",)), False),
        (Trigger(event="call.ended", transferred=True), False),
        (Trigger(event="service.rendered"), False),
        (Trigger(event="call.ended", dispositions=("solved",)), False),
        (Trigger(event="call.ended", except_dispositions=("wrong number",)), False),
    ],
)
def test_filters_choose_the_calls_that_are_asked_about(trigger, wanted) -> None:
    assert bool(for_call([survey("s", trigger)], CALL)) is wanted


@pytest.mark.parametrize(
    ("trigger", "wanted"),
    [
        (Trigger(event="call.ended"), True),
        (Trigger(event="call.ended", dispositions=("solved", "passed on")), True),
        (Trigger(event="call.ended", dispositions=("passed on",)), False),
        (Trigger(event="call.ended", except_dispositions=("wrong number",)), True),
        (Trigger(event="call.ended", except_dispositions=("solved",)), False),
        (Trigger(event="call.ended", dispositions=("solved",), min_talk_s=61), False),
    ],
)
def test_a_call_is_chosen_by_disposition_once_it_has_one(trigger, wanted) -> None:
    assert bool(for_call([survey("s", trigger)], replace(CALL, disposition="solved"))) is wanted


BRANCHES = Definition(
    key="s",
    texts={},
    questions=(
        Question(id="csi", kind="csi"),
        Question(id="why", kind="text", when=Branch(question="csi", least=1, most=2)),
        Question(id="fcr", kind="fcr", when=Branch(question="csi", least=1, most=3)),
        Question(id="again", kind="text", when=Branch(question="fcr", least=0, most=0)),
        Question(id="nps", kind="nps"),
    ),
)


@pytest.mark.parametrize(
    ("answered", "following"),
    [
        ({}, "csi"),
        ({"csi": 5}, "nps"),
        ({"csi": 3}, "fcr"),
        ({"csi": 2}, "why"),
        ({"csi": 2, "why": None}, "fcr"),
        ({"csi": 2, "why": None, "fcr": 0}, "again"),
        ({"csi": 2, "why": None, "fcr": 1}, "nps"),
        ({"csi": 5, "nps": 9}, None),
        ({"csi": 1, "why": None, "fcr": 0, "again": None, "nps": 0}, None),
    ],
)
def test_questions_come_in_turn_and_branches_only_where_they_hold(answered, following) -> None:
    found = BRANCHES.question_after(answered)
    assert (None if found is None else found.id) == following


@pytest.mark.parametrize(
    ("questions", "fault"),
    [
        ([("why", "text", {"question": "csi", "max": 2})], "no earlier question"),
        (
            [("a", "text", None), ("b", "text", {"question": "a", "max": 2})],
            "free text and has no score",
        ),
        ([("csi", "csi", None), ("b", "text", {"question": "csi", "max": 6})], "within 1 to 5"),
        (
            [("csi", "csi", None), ("b", "text", {"question": "csi", "min": 4, "max": 2})],
            "within 1 to 5",
        ),
        ([("csi", "csi", None), ("b", "text", {"question": "csi"})], "holds for every score"),
        ([("csi", "csi", None), ("csi", "nps", None)], "here twice"),
    ],
)
def test_a_branch_that_could_never_or_always_be_taken_is_refused(questions, fault) -> None:
    listed = [
        {"id": name, "kind": kind} | ({"when": when} if when else {})
        for name, kind, when in questions
    ]
    with pytest.raises(ValueError, match=fault):
        SurveyEntry.model_validate({"key": "s", "questions": listed}, extra="forbid")


def test_a_branch_of_the_file_is_that_of_the_domain() -> None:
    entry = SurveyEntry.model_validate(
        {
            "key": "s",
            "questions": [
                {"id": "csi", "kind": "csi"},
                {"id": "why", "kind": "text", "when": {"question": "csi", "max": 2}},
                {"id": "best", "kind": "text", "when": {"question": "csi", "min": 4}},
            ],
        },
        extra="forbid",
    )
    assert [question.when for question in definition_of(entry).questions] == [
        None,
        Branch(question="csi", least=1, most=2),
        Branch(question="csi", least=4, most=5),
    ]


def test_a_call_for_which_its_flow_named_a_survey_sets_off_only_that_one() -> None:
    both = [survey("a", Trigger(event="call.ended")), survey("b", Trigger(event="call.ended"))]
    named = EndedCall(
        call_id="c1", line="", handled=True, talk_s=9, transferred=False, queue=None, payer="cash",
        survey="b",
    )  # fmt: skip
    assert [each.key for each in for_call(both, named)] == ["b"]
    assert [each.key for each in for_call(both, CALL)] == ["a", "b"]


def test_a_rendered_service_sets_off_the_surveys_of_its_kind() -> None:
    visits = survey("v", Trigger(event="service.rendered", services=("outpatient",)))
    every = survey("e", Trigger(event="service.rendered"))
    assert for_rendered([visits, every, survey("x")], "outpatient") == (visits, every)
    assert for_rendered([visits, every], "branch") == (every,)


def test_a_request_means_the_survey_of_its_service() -> None:
    by_trigger = survey("t", Trigger(event="call.ended"))
    by_key = survey("call")
    plain = survey("plain")
    visits = survey("v", Trigger(event="service.rendered", services=("branch",)))
    assert for_request([by_trigger, by_key], "call") is by_key
    assert for_request([plain, by_trigger], "call") is by_trigger
    assert for_request([by_trigger, plain], "staff") is plain
    assert for_request([by_trigger], "staff") is by_trigger
    assert for_request([by_trigger, visits], "staff") is None
    assert for_request([], "call") is None


def test_the_scores_that_call_for_ringing_back() -> None:
    assert Question(id="q", kind="csi").is_low(2)
    assert not Question(id="q", kind="csi").is_low(3)
    assert Question(id="q", kind="nps").is_low(6)
    assert not Question(id="q", kind="nps").is_low(7)
    assert not Question(id="q", kind="fcr").is_low(0)
    assert Question(id="q", kind="fcr", low=0).is_low(0)
    assert Question(id="q", kind="csi", low=3).is_low(3)


@pytest.mark.parametrize(
    ("wanted", "language"),
    [
        (("fa",), "fa"),
        (("fa-IR",), "fa"),
        (("ru-RU", "fa"), "ru"),
        (("de", None, "ru"), "ru"),
        (("de",), "en"),
        ((None, None), "en"),
    ],
)
def test_a_person_reads_his_language_or_the_next_best(wanted, language) -> None:
    found, text = texts.choose({"ru": "р", "fa": "ف", "en": "e"}, wanted)
    assert (found, text) == (language, {"ru": "р", "fa": "ف", "en": "e"}[language])
    assert texts.choose({"zh": "中"}, wanted) == ("zh", "中")


def test_the_first_question_has_the_surveys_words_and_others_ready_made_ones() -> None:
    definition = survey("s", None, "csi", "fcr")
    first, second = definition.questions
    assert words_of(definition, first, ("ru",)) == ("ru", "Оцените")
    assert words_of(definition, second, ("ru",)) == ("ru", texts.QUESTIONS["fcr"]["ru"])


def test_every_ready_made_text_speaks_all_five_languages() -> None:
    languages = {"ru", "en", "fa", "zh", "ar"}
    assert all(set(each) == languages for each in texts.QUESTIONS.values())
    assert all(set(each) == languages for each in texts.AGAIN.values())


def test_statuses_only_move_forward() -> None:
    assert after_sending("scheduled", "accepted") == "sent"
    assert after_sending("completed", "accepted") == "completed"
    assert after_sending("unknown", "accepted") == "sent"
    assert after_sending("delivered", "unknown") == "delivered"
    assert after_receipt("sent", delivered=False) == "failed"
    assert after_receipt("failed", delivered=True) == "delivered"
    assert after_receipt("delivered", delivered=False) == "delivered"
    assert after_receipt("replied", delivered=True) == "replied"
    assert [receipt_means(w) for w in ("DELIVRD", "undeliv", "ENROUTE")] == [True, False, None]


def test_a_link_opens_its_invitation_and_no_other() -> None:
    links = Links("https://x/surveys/", b"key")
    token = links.token("i1")
    assert links.invitation_of(token) == "i1"
    assert links.filled("see {link}", "i1") == f"see https://x/surveys/v1/f/{token}"
    assert links.filled("no link", "i1") == "no link"
    for forged in (
        token[:-1],
        "i2" + token[2:],
        "",
        ".",
        "i1.",
        "i1",
        Links("x", b"k").token("i1"),
    ):
        assert links.invitation_of(forged) is None


@pytest.mark.parametrize("public", ["", "https://ask.example.org/s"])
def test_links_lead_to_the_public_address_else_to_where_surveys_listens(public: str) -> None:
    settings = SurveysSettings(
        database_url=SecretStr("postgresql://x"),
        surveys_url="http://127.0.0.1:9000/surveys",
        surveys_public_url=public,
    )
    base = public or "http://127.0.0.1:9000/surveys"
    assert links_of(settings).filled("{link}", "i1").startswith(f"{base}/v1/f/i1.")


def test_numbers_tell_their_zone_only_when_it_is_sure() -> None:
    assert read_number("+989121234567").zone == "Asia/Tehran"
    assert read_number("+8613800138000").zone == "Asia/Shanghai"
    assert read_number("+79031234567").zone is None
    assert read_number("+74951234567").landline
    assert read_sender("0098 912 123 4567").e164 == "+989121234567"
    assert read_sender("79031234567").e164 == "+79031234567"
    for wrong in ("", "MTS", "100", "89031234567890123"):
        with pytest.raises(ValueError, match="not a phone"):
            read_sender(wrong)


def test_a_deadline_may_have_any_keys_of_the_journal() -> None:
    entry = {"id": "default", "calendar": "c1", "clocks": {"level1": "1h"}, "kinds": ["complaint"]}
    assert DeadlineEntry.model_validate(entry, extra="forbid").calendar == "c1"


def test_the_survey_of_the_documentation_is_valid() -> None:
    entry = SurveyEntry.model_validate(
        {
            "key": "call",
            "questions": [{"id": "csi", "kind": "csi"}],
            "texts": {"ru": "Оцените звонок от 1 до 5"},
            "trigger": {"event": "call.ended", "min_talk_s": 5},
            "rules": {
                "quiet_hours": ["21:00-09:00"], "quarantine_s": 1, "survey_quarantine_s": 1,
                "sample_pct": 50, "daily_cap": 1, "expire_s": 1, "min_n": 5,
            },
        },
        extra="forbid",
    )  # fmt: skip
    assert entry.rules.min_n == 5
