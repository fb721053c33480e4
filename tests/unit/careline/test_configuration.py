"""Reading a configuration file: what is wrong is told with its place."""

from pathlib import Path

import pytest

from careline.configuration import ConfigurationError, Document, read

pytestmark = pytest.mark.unit


@pytest.fixture
def load(tmp_path: Path):
    def _load(text: str, environment: dict[str, str] | None = None) -> Document:
        file = tmp_path / "floor.yaml"
        file.write_text(text, encoding="utf-8")
        return read(file, environment or {})

    return _load


def findings(error: ConfigurationError) -> list[str]:
    return [finding.text(Path("F")) for finding in error.findings]


def test_sections_come_without_the_version(load):
    assert load("careline: 1\nskills: [adult, child]\n").sections == {"skills": ["adult", "child"]}


def test_json_is_read_too(load):
    assert load('{"careline": 1, "skills": ["adult"]}').sections == {"skills": ["adult"]}


def test_plain_words_keep_the_meaning_people_give_them(load):
    text = "careline: 1\nlines: [{language: no, quiet: 21:00, day: 2026-11-04, on: true, n: 012}]\n"
    line = load(text).sections["lines"][0]
    assert line == {"language": "no", "quiet": "21:00", "day": "2026-11-04", "on": True, "n": "012"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("skills: [adult]\n", "F:1:1 careline: is missing: write `careline: 1`"),
        ("careline: 2\n", "F:1:11 careline: must be 1"),
        ("- a\n", "F:1:1 (file): must be a mapping of sections"),
        ("", "F:1:1 (file): must be a mapping of sections"),
        ("careline: 1\nqueues: [{id: a, id: b}]\n", "F:2:18 queues[0].id: stands here twice"),
        (
            "careline: 1\nqueues: [{id: a]\n",
            "F:2:16 (file): expected ',' or '}', but got ']'",
        ),
    ],
)
def test_what_cannot_be_read_is_told_with_line_and_column(load, text, expected):
    with pytest.raises(ConfigurationError) as caught:
        load(text)
    assert findings(caught.value) == [expected]


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path / "absent.yaml")
    assert findings(caught.value) == ["F:1:1 (file): No such file or directory"]


def test_text_that_is_not_utf8_is_refused(tmp_path):
    file = tmp_path / "floor.yaml"
    file.write_bytes("skills: [взрослые]".encode("cp1251"))
    with pytest.raises(ConfigurationError, match="is not UTF-8"):
        read(file)


def test_a_secret_s_file_counts_from_the_document_s_folder(load, tmp_path):
    document = load("careline: 1\npbxs: [{id: a, password_file: pw}]\n")
    assert document.sections["pbxs"] == [{"id": "a", "password_file": str(tmp_path / "pw")}]


def test_a_secret_comes_from_the_environment_of_the_command(load):
    document = load("careline: 1\npbxs: [{id: a, secret_env: S}]\n", {"S": "whsec_x"})
    assert document.sections["pbxs"] == [{"id": "a", "secret": "whsec_x"}]
    assert document.finding("pbxs[0].secret", "is none").line == 2


def test_a_variable_that_is_not_set_here_is_left_to_the_service(load):
    document = load("careline: 1\npbxs: [{id: a, secret_env: S}]\n")
    assert document.sections["pbxs"] == [{"id": "a", "secret_env": "S"}]


def test_a_service_s_finding_gets_its_place(load):
    document = load("careline: 1\nqueues:\n  - id: a\n    target_s: fast\n")
    assert (
        document.finding("queues[0].target_s", "x").text(Path("F"))
        == "F:4:15 queues[0].target_s: x"
    )


def test_a_finding_about_what_is_missing_gets_the_place_around_it(load):
    document = load("careline: 1\nqueues:\n  - id: a\n")
    assert document.finding("queues[0].target_s", "is missing").line == 3
    assert document.finding("queues[0].a.b[3].c", "x").line == 3
    assert document.finding("absent.thing", "x").line == 1
