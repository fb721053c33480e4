"""Mails as their senders' programs write them, and what is made of them."""

import base64
import time
from email.header import Header

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careline_tickets.adapters.citizen_words import LANGUAGES, WORDS, language_of
from careline_tickets.adapters.mail.html_text import text_of_html
from careline_tickets.adapters.mail.parsing import LONGEST_TEXT, MOST_PARTS, decoded, read_mail
from careline_tickets.domain.mail import Token, automatic_because, subject_with, tagged, tokens_in

pytestmark = pytest.mark.unit

RUSSIAN, CHINESE, JAPANESE = "Не дали лекарство", "没有给我药", "薬をもらえなかった"


@pytest.mark.parametrize(
    ("charset", "text"),
    [
        ("koi8-r", RUSSIAN),
        ("windows-1251", RUSSIAN),
        ("iso-8859-5", RUSSIAN),
        ("utf-8", RUSSIAN),
        ("gb18030", CHINESE),
        ("gb2312", CHINESE),
        ("big5", "沒有給我藥"),
        ("iso-2022-jp", JAPANESE),
        ("euc-kr", "약을 받지 못했다"),
        ("windows-1256", "دارو ندادند"),
        ("utf-7", RUSSIAN),
    ],
)
@pytest.mark.parametrize("transfer", ["8bit", "base64"])
def test_words_are_read_in_the_charset_they_were_written_in(
    charset: str, text: str, transfer: str
) -> None:
    body = text.encode(charset)
    if transfer == "base64":
        body = base64.encodebytes(body)
    head = (
        f"Subject: {Header(text, charset).encode()}\r\nFrom: =?{charset}?B?"
        f"{base64.b64encode(text.encode(charset)).decode()}?= <a@b.example>\r\n"
        f"Content-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: {transfer}\r\n\r\n"
    )
    mail = read_mail(head.encode() + body)
    assert (mail.subject, mail.text, mail.sender_name) == (text, text, text)


def test_a_charset_that_nobody_knows_or_that_is_wrong_loses_no_mail() -> None:
    for named in ("x-unknown", "utf-8", "us-ascii", None):
        assert decoded(RUSSIAN.encode("cp1251"), named) == RUSSIAN
    raw = b"Subject: " + RUSSIAN.encode("cp1251") + b"\r\n\r\n" + RUSSIAN.encode("cp1251")
    mail = read_mail(raw)
    assert (mail.subject, mail.text) == (RUSSIAN, RUSSIAN)


def test_of_html_and_plain_the_plain_one_is_read_and_html_alone_becomes_text() -> None:
    html = "<html><head><title>T</title><style>p{}</style></head><body><p>Hello<br>there</p>"
    html += "<script>steal()</script><a href='http://evil.example'>click</a><!-- no --></body>"
    parts = "--b\r\nContent-Type: text/{}; charset=utf-8\r\n\r\n{}\r\n"
    head = 'Content-Type: multipart/alternative; boundary="b"\r\n\r\n'
    both = head + parts.format("plain", "plain words") + parts.format("html", html) + "--b--"
    assert read_mail(both.encode()).text == "plain words"
    alone = head + parts.format("html", html) + "--b--"
    assert read_mail(alone.encode()).text == "Hello\nthere\nclick"


@given(st.text())
def test_text_that_is_no_markup_comes_through_html_as_it_is(text: str) -> None:
    from html import escape

    words = text.split()
    assert text_of_html(escape(" ".join(words))).split() == words


@given(st.text(alphabet="<>/!-abp =\"'&;scriptstyle", max_size=200))
def test_no_markup_however_broken_leaves_a_script(text: str) -> None:
    assert "steal" not in text_of_html(f"<script>steal()</script>{text}")


@given(st.binary(max_size=500))
def test_no_bytes_are_so_broken_that_they_raise(raw: bytes) -> None:
    mail = read_mail(raw)
    mail.whole_text.encode()
    assert "\0" not in mail.whole_text


@given(
    st.dictionaries(
        st.sampled_from(
            ["From", "To", "Subject", "Date", "Message-ID", "References", "Content-Type",
             "Content-Transfer-Encoding", "Content-Disposition"]
        ),
        st.binary(max_size=60).map(lambda value: value.replace(b"\n", b" ").replace(b"\r", b" ")),
    ),
    st.binary(max_size=200),
)  # fmt: skip
def test_no_headers_are_so_wrong_that_they_raise(headers: dict[str, bytes], body: bytes) -> None:
    head = b"".join(name.encode() + b": " + value + b"\r\n" for name, value in headers.items())
    mail = read_mail(head + b"\r\n" + body)
    mail.whole_text.encode()


@pytest.mark.parametrize(
    "charset", ["undefined", "idna", "punycode", "unicode_escape", "hex", "a\0b", "\xff", "utf-8"]
)
@pytest.mark.parametrize("body", [b"hello", b"hello \xff", b"xn--\xff..hello"])
def test_what_is_no_charset_of_mail_loses_no_word(charset: str, body: bytes) -> None:
    named = charset.encode("latin-1")
    head = b"From: =?" + named + b"?q?Ann?= <a@b.example>\r\nSubject: =?" + named + b"?q?Hi?=\r\n"
    mail = read_mail(head + b"Content-Type: text/plain; charset=" + named + b"\r\n\r\n" + body)
    assert "hello" in mail.text
    assert mail.sender == "a@b.example"
    in_a_name = b"; filename*=" + named + b"''a%00%ffb.pdf\r\n\r\n"
    (file,) = read_mail(head + b"Content-Disposition: attachment" + in_a_name + body).files
    assert file.content == body
    assert "\0" not in file.name
    within = b"Content-Type: message/rfc822\r\n\r\nContent-Type: text/plain; charset="
    (file,) = read_mail(head + within + named + b"\r\n\r\n" + body).files
    assert b"hello" in file.content


PARAMETERS = b"; name*0=a; name*=b; boundary=b\r\n"
"""Two ways of one parameter, over which the standard library's parser falls."""


def test_parameters_that_are_none_lose_no_word() -> None:
    head = b"From: a@b.example\r\nSubject: x\r\nContent-Type: "
    assert (
        "hello"
        in read_mail(head + b"text/plain" + PARAMETERS + b"\r\nhello").files[0].content.decode()
    )
    mail = read_mail(head + b"multipart/mixed" + PARAMETERS + b"\r\n--b\r\n\r\nhello\r\n--b--\r\n")
    assert (mail.sender, mail.subject, "hello" in mail.text) == ("a@b.example", "x", True)
    inner = b"Content-Type: multipart/mixed; boundary=c\r\n\xff\xfe\0: <a\xff@\r\n--c--\r\n"
    within = read_mail(head + b"message/delivery-status\r\n\r\n" + inner)
    assert within.sender == "a@b.example"


PIECES = st.sampled_from(
    [
        b"Content-Type: multipart/mixed; boundary=b\r\n", b"Content-Type: multipart/mixed" + PARAMETERS,
        b"Content-Type: message/rfc822\r\n", b"Content-Type: message/delivery-status\r\n",
        b"Content-Type: text/plain; charset=undefined\r\n", b"Content-Type: text/html" + PARAMETERS,
        b"Content-Type: text/html; charset*0*=utf-8''%ff; charset*1=x\r\n", b"Content-Type: ; ; =\r\n",
        b"Content-Transfer-Encoding: base64\r\n", b"Content-Transfer-Encoding: x-uuencode\r\n",
        b"Content-Transfer-Encoding: \xff\r\n", b"begin 644 a\r\n", b"begin 999 \xff\r\n", b"M\r\n",
        b"Subject: =?utf-8?b?/w==?= \\U0010ffff \\u12 \\ud800\r\n", b"From: a <b@c (((\r\n",
        b"From: \"a\\\" <x@y>, =?x?q?=00?= <b@c>\r\n", b"Date: 1 1 1 1\r\n", b"Message-ID: <a\xff\0@c>\r\n",
        b"Content-Disposition: attachment; filename=\"=?utf-8?q?=00a?=\"\r\n", b"\xff\xfe\0\0", b" x\r\n",
        b"Content-Disposition: attachment; filename*=a%00''b\r\n", b"\r\n", b"--b\r\n", b"--b--\r\n",
    ]
)  # fmt: skip


@given(st.lists(PIECES, max_size=14).map(b"".join))
def test_no_mail_of_broken_pieces_raises_or_has_a_sign_that_no_table_takes(raw: bytes) -> None:
    mail = read_mail(raw)
    told = [mail.subject, mail.text, mail.sender, mail.sender_name, mail.message_id]
    told += [
        *mail.references,
        *(text for file in mail.files for text in (file.name, file.declared)),
    ]
    for text in told:
        assert "\0" not in (text or "").encode().decode()


def test_a_backslash_beside_encoded_words_is_a_backslash() -> None:
    mail = read_mail("Subject: =?utf-8?q?Hi?= C:\\users\\Яна 🙂 \\U9\r\n\r\n".encode())
    assert mail.subject == "Hi C:\\users\\Яна 🙂 \\U9"


def test_no_part_of_a_mail_that_is_kept_has_a_sign_that_no_table_takes() -> None:
    head = b"From: a@b.example\r\nMessage-ID: <a\0b@c>\r\nSubject: x\0y\r\n"
    mail = read_mail(head + b"Content-Type: application/p\0df; name=a\0b\r\n\r\nx")
    (file,) = mail.files
    assert (mail.message_id, mail.subject) == (None, "xy")
    assert "\0" not in file.name + file.declared


def test_a_head_that_is_not_ended_hides_no_words() -> None:
    html = "<html><head><meta charset=utf-8><title>T</title><style>p{}</style><p>Hello<b> there</b>"
    assert text_of_html(html) == "Hello there"


@pytest.mark.parametrize("piece", ["<a ", "<", "<!--x>", "</"])
def test_tags_without_end_take_no_time(piece: str) -> None:
    """The standard library's parser takes the square of their number: minutes for one mail."""
    begun = time.process_time()
    assert text_of_html("<p>Hello</p>" + piece * 100_000).startswith("Hello")
    assert time.process_time() - begun < 2


def test_mails_within_mails_and_parts_without_end_are_bounded() -> None:
    deep = b"inner"
    for number in range(2000):
        head = f'Content-Type: multipart/mixed; boundary="b{number}"\r\n\r\n--b{number}\r\n'
        deep = head.encode() + deep + f"\r\n--b{number}--".encode()
        if len(deep) > 60_000:
            break
    assert len(read_mail(deep).files) <= MOST_PARTS
    assert read_mail(b"\r\n" + b"x" * (LONGEST_TEXT + 1)).cut


def test_a_name_with_an_address_in_it_is_no_other_sender() -> None:
    name = base64.b64encode(b"boss@fund.example, x").decode()
    mail = read_mail(f"From: =?utf-8?B?{name}?= <a@b.example>\r\n\r\n".encode())
    assert mail.sender == "a@b.example"


MARKS = [
    ({}, None),
    ({"auto-submitted": "no"}, None),
    ({"auto-submitted": "auto-generated; x=y"}, "auto-submitted"),
    ({"auto-submitted": "Auto-Replied"}, "auto-submitted"),
    ({"return-path": " <> "}, "null-return-path"),
    ({"return-path": "<a@b.example>"}, None),
    ({"precedence": "Bulk"}, "precedence"),
    ({"precedence": "first-class"}, None),
    ({"list-unsubscribe": "<x>"}, "list"),
    ({"x-autoreply": "yes"}, "autoreply"),
    ({"x-auto-response-suppress": "None"}, None),
    ({"content-type": "multipart/report; x"}, "report"),
    ({"from-address": "US@fund.example"}, "own-address"),
    ({"from-address": "no-reply@x.example"}, "no-reply-address"),
    ({"from-address": "anna@x.example"}, None),
]


@pytest.mark.parametrize(("headers", "because"), MARKS, ids=str)
def test_the_marks_of_programs_are_known(headers: dict[str, str], because: str | None) -> None:
    assert automatic_because(headers, ["us@fund.example"]) == because


numbers = st.integers(1, 10**9).map(lambda number: f"T-2026-{number:06d}")
proofs = st.text(alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", min_size=10, max_size=10)
subjects = st.text(
    alphabet=st.characters(blacklist_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=100
)


@given(numbers, proofs, subjects)
def test_a_reply_brings_its_token_back_by_subject_or_by_address(
    number: str, proof: str, subject: str
) -> None:
    from dataclasses import replace

    token = Token(number, proof)
    mail = read_mail(b"")
    by_subject = replace(mail, subject=f"Отв: {subject_with(token, subject)}")
    assert token in tokens_in(by_subject)
    by_address = replace(mail, recipients=(tagged("appeals@fund.example", token),))
    assert tokens_in(by_address) == (token,)
    again = subject_with(token, subject_with(token, subject))
    assert again.count(proof) == max(1, subject.count(proof) + 1) or proof in subject


def test_everything_is_said_in_every_language() -> None:
    for words in WORDS.values():
        assert set(words) == set(LANGUAGES)
        fields = {tuple(sorted(part.split("}")[0] for part in one.split("{")[1:])) for one in words.values()}  # fmt: skip
        assert len(fields) == 1
    for text, language in (
        (RUSSIAN, "ru"),
        (CHINESE, "zh"),
        ("دارو", "fa"),
        ("drugs", "en"),
        ("1", "en"),
    ):
        assert language_of(text) == language
