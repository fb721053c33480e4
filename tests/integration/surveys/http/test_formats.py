"""What only one kind of provider has: encodings, lists, other proofs."""

import asyncio
import hashlib
import json
import zlib
from urllib.parse import urlencode

import pytest

from careline_common.testing.waiting import eventually
from careline_surveys.fakes.http import aliyun, kavenegar, smsc_ru

pytestmark = pytest.mark.integration

FORM = {"content-type": "application/x-www-form-urlencoded"}


def entry(dialect) -> dict:
    return dialect.entry("http://127.0.0.1:9")


async def replies(surveys) -> list[str]:
    rows = await surveys.query(
        "SELECT c.text FROM surveys.inbound i JOIN surveys.content c ON c.id = i.content_id"
        " ORDER BY i.external_id"
    )
    return [row["text"] for row in rows]


async def test_smsc_ru_speaks_windows_1251_unless_it_is_told_otherwise(surveys) -> None:
    await surveys.survey(sms=[entry(smsc_ru.SmscRu())])
    fields = {"id": "5", "phone": "79031234567", "mes": "Отлично", "to": "79037672215"}
    body = urlencode(fields, encoding="windows-1251").encode()
    path = f"/v1/sms/smsc/inbound?secret={smsc_ru.SECRET}"
    answer = await surveys.stranger.post(path, content=body, headers=FORM)
    assert (answer.status_code, await replies(surveys)) == (200, ["Отлично"])


async def test_smsc_ru_signs_with_md5_too_but_its_crc32_proves_nothing(surveys) -> None:
    await surveys.survey(sms=[entry(smsc_ru.SmscRu())])
    fields = {"id": "5", "phone": "79031234567", "status": "1"}
    words = f"5:79031234567:1:{smsc_ru.SECRET}".encode()
    crc = urlencode(fields | {"crc32": str(zlib.crc32(words))}).encode()
    md5 = urlencode(
        fields | {"md5": hashlib.md5(words, usedforsecurity=False).hexdigest()}
    ).encode()
    url = "/v1/sms/smsc/status?charset=utf-8"
    answers = [await surveys.stranger.post(url, content=each, headers=FORM) for each in (crc, md5)]
    assert [each.status_code for each in answers] == [401, 200]


@pytest.mark.parametrize(
    ("dialect", "body", "headers"),
    [
        (kavenegar.Kavenegar(), b"messageid=1&from=0912&to=1&message=%ff%fe", FORM),
        (kavenegar.Kavenegar(), b"messageid=1&from=09121234567", FORM),
        (kavenegar.Kavenegar(), b"[1]", {"content-type": "application/json"}),
        (aliyun.Aliyun(), b'[{"phone_number":"13900001111","content":"\xff"}]', {}),
        (aliyun.Aliyun(), b'{"phone_number":"13900001111"}', {}),
        (aliyun.Aliyun(), b'[{"phone_number":"13900001111"}]', {}),
    ],
)
async def test_what_cannot_be_read_is_refused_and_not_kept(surveys, dialect, body, headers) -> None:
    await surveys.survey(sms=[entry(dialect)])
    path = f"/v1/sms/{entry(dialect)['id']}/inbound?secret={entry(dialect)['callback_secret']}"
    answer = await surveys.stranger.post(path, content=body, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (
        400, "application/problem+json",
    )  # fmt: skip
    assert await replies(surveys) == []


async def test_aliyun_tells_of_several_at_once_and_counts_in_numbers_or_in_text(surveys) -> None:
    await surveys.survey(sms=[entry(aliyun.Aliyun())])
    listed = [
        {"phone_number": "13900001111", "content": "非常满意", "sequence_id": 1},
        {
            "phone_number": "13900001112",
            "content": "5",
            "sequence_id": "2",
            "send_time": "nonsense",
        },
    ]
    path = f"/v1/sms/ali/inbound?secret={aliyun.SECRET}"
    answer = await surveys.stranger.post(path, content=json.dumps(listed).encode())
    assert answer.json() == {"code": 0, "msg": "接收成功"}
    assert await replies(surveys) == ["非常满意", "5"]
    people = await surveys.query("SELECT number FROM surveys.person ORDER BY number")
    assert [row["number"] for row in people] == ["+8613900001111", "+8613900001112"]


async def test_an_iranian_sender_is_known_without_his_country_code(surveys) -> None:
    await surveys.survey(sms=[entry(kavenegar.Kavenegar())])
    body = urlencode({"messageid": "1", "from": "09121234567", "to": "1", "message": "۵"}).encode()
    path = f"/v1/sms/kav/inbound?secret={kavenegar.SECRET}"
    answer = await surveys.stranger.post(path, content=body, headers=FORM)
    assert answer.status_code == 200
    [row] = await surveys.query("SELECT number FROM surveys.person")
    assert row["number"] == "+989121234567"


async def test_secrets_are_never_shown(surveys) -> None:
    await surveys.survey(sms=[entry(each) for each in (kavenegar.Kavenegar(), aliyun.Aliyun())])
    shown = (await surveys.http.get("/v1/config")).text
    secrets = (kavenegar.KEY, kavenegar.SECRET, aliyun.KEY_SECRET, aliyun.SECRET)
    assert not any(each in shown for each in secrets)


async def test_a_rate_limit_holds_for_a_provider(surveys, provider) -> None:
    await surveys.survey(sms=[provider.entry | {"per_second": 25}])
    loop_time = asyncio.get_running_loop().time
    began = loop_time()
    for number in range(12):
        await surveys.invite(f"r{number}", phone=f"+7903000{number:04}")
    await eventually(lambda: len(provider.received) == 12)
    assert loop_time() - began >= 11 / 25
    assert len({message["to"] for message in provider.received}) == 12
