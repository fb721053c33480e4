"""Formats of HTTP providers against what the providers publish, and numbers both ways."""

import pytest

from careline_surveys.adapters.http import aliyun, kavenegar, smsc_ru, twilio

pytestmark = pytest.mark.unit


def test_a_twilio_signature_is_that_of_its_own_example() -> None:
    fields = {
        "CallSid": "CA1234567890ABCDE", "Caller": "+14158675309", "Digits": "1234",
        "From": "+14158675309", "To": "+18005551212",
    }  # fmt: skip
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert twilio.signature("12345", url, fields) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


def test_an_aliyun_signature_is_that_of_its_own_example() -> None:
    fields = {
        "AccessKeyId": "testid", "Action": "DescribeRegions", "Format": "XML",
        "SignatureMethod": "HMAC-SHA1", "SignatureNonce": "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf",
        "SignatureVersion": "1.0", "Timestamp": "2016-02-23T12:46:24Z", "Version": "2014-05-26",
    }  # fmt: skip
    right = "OLeaidS1JvxuMvnyHOwuJ+uX5qY="
    assert aliyun.signature("testsecret", "GET", fields) == right


@pytest.mark.parametrize(
    ("module", "number", "written"),
    [
        (kavenegar, "+989121234567", "09121234567"),
        (kavenegar, "+79031234567", "0079031234567"),
        (aliyun, "+8613900001111", "13900001111"),
        (aliyun, "+85251234567", "85251234567"),
        (aliyun, "+79031234567", "79031234567"),
    ],
)
def test_numbers_are_written_as_the_provider_wants_them(module, number, written) -> None:
    assert module.written(number) == written


@pytest.mark.parametrize(
    ("module", "told", "number"),
    [
        (kavenegar, "09121234567", "+989121234567"),
        (kavenegar, "00989121234567", "00989121234567"),
        (kavenegar, "+989121234567", "+989121234567"),
        (aliyun, "13900001111", "+8613900001111"),
        (aliyun, "8613900001111", "8613900001111"),
    ],
)
def test_numbers_of_senders_get_their_country_code(module, told, number) -> None:
    assert module.read(told) == number


def test_our_ids_fit_where_they_have_to() -> None:
    ids = [f"01a21609-c7f9-73bf-b627-{n:012}" for n in range(2000)]
    short = {smsc_ru.own_id(each) for each in ids}
    long = {kavenegar.local_id(each) for each in ids}
    assert all(1 <= int(each) <= 2**31 - 1 for each in short)
    assert all(0 <= int(each) < 2**63 for each in long)
    assert len(long) == len(ids)
    assert len(short) >= len(ids) - 1
