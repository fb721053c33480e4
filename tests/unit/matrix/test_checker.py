"""The checker of the kill matrix agrees with a true account and notices each thing that can go wrong."""

import json
from pathlib import Path

import pytest
from matrix import floor, record
from matrix.checker import Outside, Said, check
from matrix.mutations import MUTATIONS, Account
from matrix.record import Record

pytestmark = pytest.mark.unit

PHONE, CALL, OFFER, APPEAL = "+79000000001", "call-1", "offer-1", "appeal-1"
ACTIONS = ["take", "escalate", "send_to_insurer", "insurer_answer", "accept"]


def true_account() -> Account:
    """One story, gone well."""
    done = Record()
    done.acked("configuration", "router-1", number=1)
    done.meant("call", PHONE)
    done.acked("call", PHONE, call_id=CALL)
    done.acked("accept", OFFER, call_id=CALL)
    done.acked("talk", PHONE, call_id=CALL, agent="anna")
    done.acked("wrap_up", CALL)
    done.acked("reply", PHONE, call_id=CALL, text="2")
    done.acked("file", "hotline-1.csv", number=1)
    for version, action in enumerate(ACTIONS, 2):
        done.acked("action", APPEAL, action=action, version=version)
    rows = {"read": floor.GOOD_ROWS + floor.BAD_ROWS, "created": floor.GOOD_ROWS,
            "updated": 0, "unchanged": 0, "quarantined": floor.BAD_ROWS}  # fmt: skip
    records = [
        {
            "id": f"a-{one}",
            "channel": "insurer",
            "call_id": None,
            "status": "new",
            "external": {"id": one},
        }
        for one in floor.external_ids(1)
    ]
    call = {"id": CALL, "caller": PHONE, "state": "ended", "outcome": "handled", "agent": "anna",
            "wrap_up": {"disposition": "informed"}}  # fmt: skip
    said = Said(
        calls=[call],
        invitations=[{"call_id": CALL, "status": "completed", "answers": [{"score": 2}]}],
        tickets=[
            {"id": APPEAL, "channel": "survey", "call_id": CALL, "status": "closed"},
            *records,
        ],
        histories={
            APPEAL: [
                {"version": version, "action": action}
                for version, action in enumerate(["register", *ACTIONS], 1)
            ]
        },
        runs=[{"id": "run-1", "file": "hotline-1.csv", "status": "done", "rows": rows}],
        quarantine=[{"run": "run-1"}],
        scores=[{"n": 1}],
        parked="nothing is parked",
        unpublished={"router": 0.0},
        verified="the chain holds: 24 appeals, 29 changes",
    )
    outside = Outside(
        messages=[{"to": PHONE}],
        answers=[{"run": "run-1", "file": "hotline-1.csv", "rows": rows}],
        heard={"anna": [{"seq": 1, "type": "offer", "offer": OFFER}]},
    )
    return done, outside, said


def test_a_true_account_is_found_true() -> None:
    assert check(*true_account()) == []


@pytest.mark.parametrize("name", MUTATIONS)
def test_whatever_goes_wrong_is_noticed(name: str) -> None:
    assert check(*MUTATIONS[name](true_account())), name


def test_a_message_of_unknown_fate_may_be_there_or_not_but_not_twice() -> None:
    done, outside, said = true_account()
    unknown = Said(
        calls=said.calls,
        invitations=[{"call_id": CALL, "status": "unknown", "answers": []}],
        parked=said.parked,
        verified=said.verified,
    )
    done = Record(lines=[line for line in done.lines if line.what in {"call", "talk"}])
    for times in (0, 1):
        assert check(done, Outside(messages=list(outside.messages) * times), unknown) == []
    assert check(done, Outside(messages=list(outside.messages) * 2), unknown) == [
        f"doubled: {PHONE} got 2 messages"
    ]


def test_the_record_is_in_its_file_before_anything_happens(tmp_path: Path) -> None:
    file = tmp_path / "record.jsonl"
    written = Record(file)
    written.meant("call", PHONE, line="+7")
    assert json.loads(file.read_text()) == ["meant", "call", PHONE, {"line": "+7"}]
    written.acked("call", PHONE, call_id=CALL)
    assert record.read(file).lines == written.lines
