"""How a person's number becomes an endpoint of Asterisk, and which templates for that are refused."""

import re

_FORM = re.compile(r"(?P<technology>\w+)/[\w.+@:;=/-]*\{(?:number|digits)\}[\w.+@:;=/-]*", re.ASCII)


def checked_template(template: str) -> str:
    """The template, if a number can be put into it; raises ValueError with what to write instead.

    `{number}` is E.164 with its plus, `{digits}` the same without. A Local channel is refused: it would
    carry the number in its name, which Asterisk shows to everybody who lists channels.
    """
    form = _FORM.fullmatch(template)
    if form is None:
        raise ValueError(
            "write a technology and the trunk's endpoint, with {number} or {digits} once:"
            " PJSIP/{number}@trunk"
        )
    if form["technology"].lower() == "local":
        raise ValueError(
            "a Local channel has the number in its name: give the trunk's endpoint itself,"
            " such as PJSIP/{number}@trunk"
        )
    return template


def endpoint_of(template: str, number: str) -> str:
    """What is dialled to reach `number`, which is E.164."""
    return template.replace("{number}", number).replace("{digits}", number.removeprefix("+"))
