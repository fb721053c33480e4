"""Which of several recordings somebody hears: by his language, his dialect, and whether he is spoken to slowly.

Recordings stand under language tags (BCP 47): `ar`, a dialect of it (`ar-EG`), one that is spoken slowly (`ar-x-slow`, `ar-EG-x-slow`), or
any language (`*`, `*-x-slow`).
"""

import re
from collections.abc import Iterator, Mapping

SLOW = "-x-slow"
ANY = "*"
_TAG = re.compile(r"[A-Za-z0-9]{1,8}(-[A-Za-z0-9]{1,8}){0,3}")


def hearing(language: str | None, dialect: str | None = None, *, slow: bool = False) -> str | None:
    """The tag by which his recordings are chosen. `dialect` is a whole tag (`ar-EG`) or what stands behind the
    language (`EG`); one that is neither is passed over."""
    if dialect is not None and _TAG.fullmatch(dialect):
        whole = "-" in dialect or language is None
        language = dialect if whole else f"{language}-{dialect}"
    return f"{language or ANY}{SLOW}" if slow else language


def prompt_in(prompts: Mapping[str, str], hears: str | None) -> str | None:
    """The first that there is of what `fallbacks` names, else the first of all; None where there is none."""
    by_tag = {tag.lower(): media for tag, media in prompts.items()}
    first = next(iter(prompts.values()), None)
    return next((by_tag[tag] for tag in fallbacks(hears) if tag in by_tag), first)


def fallbacks(hears: str | None) -> tuple[str, ...]:
    """Where his recording may stand, in lower case, the best first.

    His words go before his pace, for nobody is served by a slow recording in a language that he does not understand; his pace before his
    dialect. Tags are shortened as RFC 4647 (3.4) does it.
    """
    tag = (hears or ANY).lower()
    plain = tag.removesuffix(SLOW)
    of_language = [*_shortened(plain)] if plain != ANY else []
    if plain == tag:
        return (*of_language, ANY)
    return (*(each + SLOW for each in of_language), *of_language, ANY + SLOW, ANY)


def _shortened(tag: str) -> Iterator[str]:
    """A tag, and what is left of it when its end is taken off again and again."""
    parts = tag.split("-")
    while parts:
        yield "-".join(parts)
        parts.pop()
        while parts and len(parts[-1]) == 1:  # it only announced what stood behind it
            parts.pop()
