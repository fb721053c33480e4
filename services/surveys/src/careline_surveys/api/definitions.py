"""Definitions of surveys, with what each text costs to send."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Request, Response
from fastapi.responses import JSONResponse

from careline_common.config import ConfigInvalidError, ConfigStore, Entry
from careline_common.config.routes import invalid_config
from careline_common.http.etag import etag, optional_match
from careline_common.http.paging import Page, Paging
from careline_common.http.problem import NotFound
from careline_surveys import segments
from careline_surveys.api.access import Admin, Reader, Store, Surveys
from careline_surveys.book import definition_of
from careline_surveys.config import SurveyEntry
from careline_surveys.inviting import words_of
from careline_surveys.service import SurveysService

router = APIRouter(prefix="/v1/definitions", tags=["definitions"])

SECTION = "surveys"


@router.put("/{key}", summary="Create or change a survey; the answer has the cost of each text")
async def put_definition(
    key: str,
    request: Request,
    _admin: Admin,
    store: Store,
    surveys: Surveys,
    body: Annotated[dict[str, Any], Body()],
) -> Response:
    try:
        entry, created = await store.put(SECTION, key, body, optional_match(request))
    except ConfigInvalidError as error:
        raise invalid_config(error) from error
    response = _answer(store, surveys, entry)
    if created:
        response.status_code = 201
        response.headers["Location"] = request.url.path
    return response


@router.get("/{key}", summary="A survey")
async def get_definition(key: str, _reader: Reader, store: Store, surveys: Surveys) -> Response:
    entry = store.current.entry(SECTION, key)
    if entry is None:
        raise NotFound(f"there is no survey {key!r}")
    return _answer(store, surveys, entry)


@router.get("", summary="All surveys")
async def list_definitions(
    page: Paging, _reader: Reader, store: Store, surveys: Surveys
) -> Page[dict[str, Any]]:
    after = page.after(str)
    entries = [
        entry for entry in store.current.entries(SECTION) if after is None or entry.id > after[0]
    ]
    return page.of(
        entries, key=lambda entry: (entry.id,), show=lambda entry: _shown(store, surveys, entry)
    )


def _answer(store: ConfigStore, surveys: SurveysService, entry: Entry) -> Response:
    return JSONResponse(_shown(store, surveys, entry), headers={"ETag": etag(entry.version)})


def _shown(store: ConfigStore, surveys: SurveysService, entry: Entry) -> dict[str, Any]:
    assert isinstance(entry.value, SurveyEntry)
    shown = store.sections[SECTION].shown(entry.value)
    return shown | {"version": entry.version, "costs": costs(surveys, entry.value)}


def costs(surveys: SurveysService, survey: SurveyEntry) -> list[dict[str, Any]]:
    """Encoding, units, segments and cost of every text, links at their full length."""
    providers = surveys.book.providers
    price = providers[0].price if providers else None
    definition = definition_of(survey)
    lines: list[dict[str, Any]] = []
    for index, question in enumerate(definition.questions):
        languages = question.texts or (definition.texts if index == 0 else {})
        for language in languages:
            _, text = words_of(definition, question, (language,))
            counted = segments.count(surveys.links.filled(text, "0" * 36))
            lines.append(
                {
                    "question": question.id,
                    "language": language,
                    "encoding": counted.encoding,
                    "units": counted.units,
                    "segments": counted.segments,
                    "cost": counted.cost(price),
                }
            )
    return lines
