"""Definitions of surveys, with what each text costs to send."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Request, Response
from fastapi.responses import JSONResponse

from careline_common.config import ConfigInvalidError, ConfigStore, Entry
from careline_common.config.routes import invalid_config
from careline_common.config.section import EntryInvalidError
from careline_common.http.etag import etag, optional_match
from careline_common.http.paging import Page, Paging
from careline_common.http.problem import NotFound
from careline_surveys.api.access import Admin, Reader, Store, Surveys
from careline_surveys.config import SurveyEntry
from careline_surveys.preview import faults_of, text_costs
from careline_surveys.segments import Segments
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


@router.post("/preview", summary="What a survey would cost to send; nothing is kept")
async def preview_definition(
    _admin: Admin, store: Store, surveys: Surveys, body: Annotated[dict[str, Any], Body()]
) -> dict[str, Any]:
    """`faults` are those for which `PUT` would refuse it."""
    try:
        entry = store.sections[SECTION].read({"key": "preview", **body}, strict=False)
    except EntryInvalidError as error:
        raise invalid_config(ConfigInvalidError(error.errors)) from error
    assert isinstance(entry, SurveyEntry)
    faults = [{"path": path, "reason": why} for path, why in faults_of(entry, surveys.links)]
    return costs(surveys, entry) | {"faults": faults}


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
    return page.by_id(
        store.current.entries(SECTION), show=lambda entry: _shown(store, surveys, entry)
    )


def _answer(store: ConfigStore, surveys: SurveysService, entry: Entry) -> Response:
    return JSONResponse(_shown(store, surveys, entry), headers={"ETag": etag(entry.version)})


def _shown(store: ConfigStore, surveys: SurveysService, entry: Entry) -> dict[str, Any]:
    assert isinstance(entry.value, SurveyEntry)
    shown = store.sections[SECTION].shown(entry.value)
    return shown | {"version": entry.version} | costs(surveys, entry.value)


def costs(surveys: SurveysService, survey: SurveyEntry) -> dict[str, list[dict[str, Any]]]:
    """Encoding, units, segments and cost of every text with its longest variables, links at full.

    A text with variables also says what it costs at its `shortest`, and which are none of ours and
    so are sent as they stand. Our ready-made words, which
    stand in for texts that the survey has not, are listed apart.
    """
    providers = surveys.book.providers
    price = providers[0].price if providers else None
    listed: dict[str, list[dict[str, Any]]] = {"costs": [], "ready_made_costs": []}
    for cost in text_costs(survey, surveys.links):
        line: dict[str, Any] = {"question": cost.question, "language": cost.language}
        line |= _priced(cost.longest, price)
        if cost.longest != cost.shortest:
            line["shortest"] = _priced(cost.shortest, price)
        if cost.unknown:
            line["unknown_variables"] = list(cost.unknown)
        listed["ready_made_costs" if cost.path is None else "costs"].append(line)
    return listed


def _priced(counted: Segments, price: float | None) -> dict[str, Any]:
    return {
        "encoding": counted.encoding,
        "units": counted.units,
        "segments": counted.segments,
        "cost": counted.cost(price),
    }
