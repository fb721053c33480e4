"""`PUT /v1/config` and the routes of single entries, of the store in `app.state.config_store`."""

from collections.abc import Sequence
from functools import cache
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from careline_common.config.entries import ConfigInvalidError, Entry
from careline_common.config.section import Section
from careline_common.config.store import ConfigStore
from careline_common.http.auth import Principal, require
from careline_common.http.etag import etag, optional_match
from careline_common.http.json_body import read_json
from careline_common.http.paging import Page, Paging
from careline_common.http.problem import InvalidInput, NotFound, invalid


def invalid_config(error: ConfigInvalidError) -> InvalidInput:
    """The faults as a problem."""
    first = error.errors[0]
    return InvalidInput(f"{first['path'] or 'config'}: {first['reason']}", errors=error.errors)


def _store(request: Request) -> ConfigStore:
    store: ConfigStore = request.app.state.config_store
    return store


@cache
def config_routes() -> APIRouter:
    """`PUT /v1/config?dry_run=`: the whole document as JSON; what the service does not own is
    ignored. Answers what was (or would be) created, updated and unchanged by section."""
    router = APIRouter(prefix="/v1", tags=["config"])

    @router.put("/config", summary="Apply a configuration")
    async def apply_config(
        request: Request,
        admin: Annotated[Principal, Depends(require("admin"))],
        document: Annotated[dict[str, Any], Body()],
        dry_run: bool = False,
    ) -> dict[str, Any]:
        store = _store(request)
        try:
            counts = await (
                store.check(document) if dry_run else store.apply(document, by=admin.subject)
            )
        except ConfigInvalidError as error:
            raise invalid_config(error) from error
        return {"dry_run": dry_run, "sections": counts}

    return router


def entry_routes(
    section: Section,
    *,
    writers: Sequence[str] = ("admin",),
    readers: Sequence[str] | None = ("admin",),
    listed: bool = False,
) -> APIRouter:
    """`PUT /v1/<section>/{id}` for `writers`; with `readers` also GET, with `listed` the list."""
    router = APIRouter(prefix=f"/v1/{section.name}", tags=["config"])
    model = section.model

    @router.put(
        "/{entry_id}",
        summary=f"Create or change an entry of {section.name}",
        responses={201: {"model": model, "description": "Created"}},
        response_model=model,
        openapi_extra=_body_of(model),
    )
    async def put_entry(
        entry_id: str,
        request: Request,
        writer: Annotated[Principal, Depends(require(*writers))],
    ) -> Response:
        return await put_answer(_store(request), section.name, entry_id, request, by=writer.subject)

    if readers is not None:
        _add_reading(router, section, readers, listed=listed)
    return router


def _body_of(model: type[BaseModel]) -> dict[str, Any]:
    """The body is read by the store, which knows secrets and references; this documents it."""
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _add_reading(
    router: APIRouter, section: Section, readers: Sequence[str], *, listed: bool
) -> None:
    reader = Depends(require(*readers))

    @router.get(
        "/{entry_id}",
        summary=f"An entry of {section.name}",
        response_model=section.model,
        dependencies=[reader],
    )
    async def get_entry(entry_id: str, request: Request) -> Response:
        store = _store(request)
        entry = store.current.entry(section.name, entry_id)
        if entry is None:
            raise NotFound(f"there is no {entry_id!r} in {section.name}")
        return _shown(store, entry)

    if not listed:
        return

    @router.get("", summary=f"All entries of {section.name}", dependencies=[reader])
    async def list_entries(page: Paging, request: Request) -> Page[dict[str, Any]]:
        return page.by_id(
            _store(request).current.entries(section.name),
            show=lambda entry: section.shown(entry.value),
        )


async def put_answer(
    store: ConfigStore, section: str, entry_id: str, request: Request, *, by: str = ""
) -> Response:
    """Writes the entry in the body and answers it: 201 with `Location` when new, else 200."""
    body = read_json(await request.body())
    if not isinstance(body, dict):
        raise invalid("", "give a mapping")
    try:
        entry, created = await store.put(section, entry_id, body, optional_match(request), by=by)
    except ConfigInvalidError as error:
        raise invalid_config(error) from error
    response = _shown(store, entry)
    if created:
        response.status_code = 201
        response.headers["Location"] = request.url.path
    return response


def _shown(store: ConfigStore, entry: Entry) -> Response:
    document = store.sections[entry.section].shown(entry.value)
    return JSONResponse(document, headers={"ETag": etag(entry.version)})
