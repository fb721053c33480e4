"""The web form read as a browser and a screen reader do: structure, names, directions, contrast."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

import pytest

from careline_surveys.api import form_page, form_words
from careline_surveys.api.form_page import Asked
from careline_surveys.domain.definitions import Question

pytestmark = pytest.mark.unit

LANGUAGES = ("ru", "en", "fa", "zh", "ar")
VOID = {"meta", "input", "br"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str | None]
    parent: "Element | None" = None
    children: list["Element"] = field(default_factory=list)
    own_text: str = ""

    @property
    def text(self) -> str:
        return (self.own_text + "".join(child.text for child in self.children)).strip()

    def all(self, tag: str = "") -> list["Element"]:
        below = [found for child in self.children for found in child.all(tag)]
        return ([self] if tag in {"", self.tag} else []) + below

    def inside(self, tag: str) -> "Element | None":
        above = self.parent
        while above is not None and above.tag != tag:
            above = above.parent
        return above


class Reader(HTMLParser):
    """A tree of the page; raises for what is not closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.root = Element("", {})
        self._here = self.root
        self.feed(page)
        self.close()
        assert self._here is self.root

    def handle_starttag(self, tag, attrs) -> None:
        assert len(dict(attrs)) == len(attrs)
        element = Element(tag, dict(attrs), self._here)
        self._here.children.append(element)
        if tag not in VOID:
            self._here = element

    def handle_endtag(self, tag) -> None:
        assert self._here.tag == tag
        assert self._here.parent is not None
        self._here = self._here.parent

    def handle_data(self, data) -> None:
        self._here.own_text += data


def asked(language: str, **faults: bool) -> list[Asked]:
    return [
        Asked(
            question=Question(id=kind, kind=kind),
            text=form_words.chosen(form_words.QUESTIONS[kind], language),
            given='"><b>' if kind == "text" else "3" if kind == "nps" else "",
            missing=faults.get(kind, False),
        )
        for kind in ("csi", "nps", "fcr", "text")
    ]


def shown(language: str, **faults: bool) -> Element:
    return Reader(form_page.form(language, asked(language, **faults))).root


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_control_has_its_name_and_every_group_its_question(language) -> None:
    page = shown(language)
    radios = [one for one in page.all("input") if one.attributes["type"] == "radio"]
    assert len(radios) == 5 + 11 + 2
    for radio in radios:
        label, group = radio.inside("label"), radio.inside("fieldset")
        assert label is not None
        assert label.text
        assert group is not None
        assert group.children[0].tag == "legend"
        kind = radio.attributes["name"]
        assert group.children[0].text == form_words.QUESTIONS[kind][language]
    [comment] = page.all("textarea")
    named = {
        one.attributes["for"]: one.text for one in page.all("label") if "for" in one.attributes
    }
    assert form_words.chosen(form_words.OPTIONAL, language) in named[comment.attributes["id"]]
    assert comment.text == '"><b>'
    [button] = page.all("button")
    assert (button.attributes["type"], button.text) == ("submit", form_words.SEND[language])
    ids = [one.attributes["id"] for one in page.all() if "id" in one.attributes]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("language", [*LANGUAGES, "fa-IR", "zh-Hans-CN", "de"])
def test_language_and_direction_stand_on_the_page(language) -> None:
    page = shown(language)
    [html] = page.all("html")
    rtl = language.split("-")[0] in {"fa", "ar"}
    assert (html.attributes["lang"], html.attributes["dir"]) == (language, "rtl" if rtl else "ltr")
    [title] = page.all("title")
    [heading] = page.all("h1")
    assert title.text == heading.text
    assert len(page.all("main")) == 1
    [viewport] = [one for one in page.all("meta") if one.attributes.get("name") == "viewport"]
    assert "maximum-scale" not in viewport.attributes["content"]
    assert not page.all("script")
    assert not [one for one in page.all() if any(name.startswith("on") for name in one.attributes)]


@pytest.mark.parametrize(
    ("language", "digits"), [("fa", "۱۲۳۴۵"), ("ar", "١٢٣٤٥"), ("ru", "12345")]
)
def test_numbers_are_read_in_the_languages_own_digits_and_sent_in_ours(language, digits) -> None:
    csi = [one for one in shown(language).all("input") if one.attributes["name"] == "csi"]
    assert "".join(one.inside("label").text for one in csi) == digits
    assert [one.attributes["value"] for one in csi] == list("12345")


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_missing_is_said_first_and_leads_to_its_place(language) -> None:
    page = shown(language, csi=True, fcr=True)
    [alert] = [one for one in page.all() if one.attributes.get("role") == "alert"]
    [main] = page.all("main")
    assert main.children[1] is alert, "right after the heading"
    links = alert.all("a")
    by_id = {one.attributes["id"]: one for one in page.all() if "id" in one.attributes}
    assert [by_id[link.attributes["href"][1:]].attributes["name"] for link in links] == [
        "csi",
        "fcr",
    ]
    for group in page.all("fieldset"):
        described = group.attributes.get("aria-describedby")
        wrong = group.all("input")[0].attributes["name"] in {"csi", "fcr"}
        assert (described is not None) == wrong
        assert not wrong or by_id[described].text == form_words.MISSING[language]
    [title] = page.all("title")
    assert title.text.startswith(form_words.FAULTS[language])
    [kept] = [one for one in page.all("input") if "checked" in one.attributes]
    assert (kept.attributes["name"], kept.attributes["value"]) == ("nps", "3")


def luminance(colour: str) -> float:
    def linear(value: float) -> float:
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_colours_can_be_told_apart() -> None:
    """WCAG 2.2: 4.5 for text (1.4.3), 3 for borders and the focus (1.4.11)."""
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    for colour in (form_page.INK, form_page.FAULT, form_page.FOCUS, form_page.BUTTON):
        assert contrast(colour, form_page.PAPER) >= 4.5
    assert contrast(form_page.EDGE, form_page.PAPER) >= 3


def test_targets_and_focus_are_for_fingers_and_keyboards() -> None:
    [style] = shown("en").all("style")
    assert re.search(r"\.choices label\{[^}]*min-height:2\.75rem;min-width:2\.75rem", style.text)
    assert re.search(r":focus-visible[^{]*\{outline:3px solid", style.text)
    assert "outline:0" not in style.text
    assert not re.search(r"[^-](left|right):", style.text), "nothing that does not turn round"


@pytest.mark.parametrize(
    "words",
    [
        value
        for name, value in vars(form_words).items()
        if name.isupper() and isinstance(value, dict)
    ],
)
def test_nothing_is_left_untranslated(words) -> None:
    for found in words.values() if isinstance(next(iter(words.values())), dict) else [words]:
        if words is not form_words.DIGITS:
            assert set(found) == set(LANGUAGES)
            assert len(set(found.values())) == len(LANGUAGES)


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("fa-IR,fa;q=0.9,en;q=0.8", "fa"), ("de,ru;q=0.5", "ru"), ("", "en"), ("*", "en"),
        ("zh-CN", "zh"), ("xx;;,,=", "en"),
    ],
)  # fmt: skip
def test_a_stranger_is_answered_in_the_language_of_his_browser(accepted, language) -> None:
    assert form_words.language_of(accepted) == language
