"""JSON bodies read strictly: for routes that must see the bytes before they may believe them."""

import json
import re
from typing import Any, NoReturn, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from careline_common.http.problem import InvalidInput, MalformedJson
from careline_common.http.validation import field_errors

RAW_BODY = "careline.raw_body"

Model = TypeVar("Model", bound=BaseModel)

_SUSPECT = re.compile(rb"\x00|\\u0000|\\u[dD][89a-fA-F]|NaN|Infinity")
_SURROGATES = re.compile("[\ud800-\udfff\x00]")


def cleaned(value: Any) -> Any:
    """The value without U+0000 and lone surrogates in any of its strings."""
    if isinstance(value, str):
        return _SURROGATES.sub("", value)
    if isinstance(value, list):
        return [cleaned(item) for item in value]
    if isinstance(value, dict):
        return {cleaned(key): cleaned(item) for key, item in value.items()}
    return value


def cleaned_body(body: bytes) -> bytes:
    """The body itself, unless there may be something in it to take out: rare, and cheap to see."""
    if _SUSPECT.search(body) is None:
        return body
    return json.dumps(cleaned(parse(body)), ensure_ascii=False).encode()


def parse(body: bytes) -> Any:
    """Reads JSON; NaN, Infinity and bottomless nesting are refused like any other broken text.

    Raises `MalformedJson` with line and column.
    """
    try:
        return json.loads(body, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise MalformedJson(
            f"no JSON at line {error.lineno}, column {error.colno}: {error.msg}",
            line=error.lineno,
            column=error.colno,
        ) from error
    except UnicodeDecodeError as error:
        raise MalformedJson(f"byte {error.start} is no UTF-8") from error
    except RecursionError as error:
        raise MalformedJson("nested too deeply") from error
    except ValueError as error:
        raise MalformedJson("a number is too long") from error


def _no_number(name: str) -> NoReturn:
    raise MalformedJson(f"{name} is no JSON")


async def raw_body(request: Request) -> bytes:
    """The body byte for byte as it was sent."""
    raw = request.scope.get(RAW_BODY)
    return raw if isinstance(raw, bytes) else await request.body()


def read_json(body: bytes) -> Any:
    """Parses and cleans a body; raises `MalformedJson`."""
    return cleaned(parse(body))


def read_model(model: type[Model], body: bytes) -> Model:
    """A body as a model; raises 400 `malformed-json` or 422 with the paths of the faults."""
    data = read_json(body)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        faults = field_errors(error.errors(include_url=False, include_context=False), data)
        raise InvalidInput(errors=faults) from error
