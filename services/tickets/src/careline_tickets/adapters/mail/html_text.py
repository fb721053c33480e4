"""HTML mail as plain text: nothing of it is ever shown as HTML, run or fetched."""

import re
from html.parser import HTMLParser

_BREAKS = frozenset(
    [
        "p",
        "div",
        "br",
        "tr",
        "li",
        "ul",
        "ol",
        "table",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "blockquote",
        "section",
        "article",
        "header",
        "footer",
        "hr",
    ]
)
_SILENT = frozenset({"script", "style", "head", "title", "template", "noscript", "svg", "object"})
_IN_HEAD = _SILENT | {"base", "link", "meta"}
_VOID = frozenset({"br", "hr", "img", "input", "meta", "link", "col", "area", "base", "wbr"})
_BLANKS = re.compile(r"[^\S\n]+")
_LINES = re.compile(r" ?\n(?: ?\n)+ ?")


class _Text(HTMLParser):
    """Collects what is meant to be read. Markup that is broken is read as far as it goes."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._silent: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._silent == ["head"] and tag not in _IN_HEAD:
            self._silent.clear()  # its end may be left out (HTML, 13.1.2.4)
        if tag in _SILENT:
            self._silent.append(tag)
        elif tag in _BREAKS:
            self.pieces.append("\n")
        elif tag == "td":
            self.pieces.append(" ")
        elif tag == "body":
            self._silent.clear()  # whatever the head has left open

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BREAKS:
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._silent:
            while self._silent.pop() != tag:
                pass
        elif tag in _BREAKS and tag not in _VOID:
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.pieces.append(_BLANKS.sub(" ", data.replace("\n", " ").replace("\r", " ")))


MOST_OPEN = 100
"""More tags or comments that are begun and not ended nobody writes, and the parser takes the square of them."""
_TAG = re.compile(r"<[^<>]*>")


def _is_trap(html: str) -> bool:
    return any(
        html.count(begun) > html.count(ended) + MOST_OPEN
        for begun, ended in (("<", ">"), ("<!--", "-->"))
    )


def text_of_html(html: str) -> str:
    """What a reader would see, paragraph by paragraph, without links' addresses."""
    if _is_trap(html):
        return _BLANKS.sub(" ", _TAG.sub("\n", html)).strip()
    parser = _Text()
    parser.feed(html)
    parser.close()
    text = _BLANKS.sub(" ", "".join(parser.pieces))
    text = re.sub(r" ?\n ?", "\n", text)
    return _LINES.sub("\n\n", text).strip()
