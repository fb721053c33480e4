"""Other people's Open311 servers (GeoReport v2), as a portal whose list has a fixed shape.

The specification gives a list of the last 90 days and no way to ask for changes; most servers know
`updated_after`, `page` and `page_size` beside it, and those that do not give the same page again.
"""

from xml.etree import ElementTree as ET

from careline_ingest.adapters.portal import Portal, json_page
from careline_ingest.config import SourceEntry
from careline_ingest.domain.paging import Plan
from careline_ingest.ports import FetchError

PAGE_SIZE = 200


def open311_of(entry: SourceEntry) -> Portal:
    """JSON unless the source has `format: xml`, which alone the specification demands."""
    said = entry.paging
    plan = Plan(
        mode="page",
        time="updated_datetime",
        param="page",
        overlap_s=said.overlap_s if said else 300.0,
        sizes={"page_size": str(said.size if said and said.size else PAGE_SIZE)},
    )
    xml = entry.format == "xml"
    return Portal(
        path="requests.xml" if xml else "requests.json",
        plan=plan,
        parse=_xml_page if xml else json_page,
        params={"api_key": entry.api_key.get_secret_value()} if entry.api_key else {},
        since_param="updated_after",
        span_params=("start_date", "end_date"),
        span_time="requested_datetime",
        repeat_ends=True,
    )


def _xml_page(body: bytes) -> object:
    """`<service_requests><request>…`, each request as what its elements say."""
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise FetchError("the server sends XML with a DTD, which is not read")
    try:
        root = ET.fromstring(body)  # noqa: S314 - no DTD, so no entities
    except ET.ParseError:
        raise FetchError("the server answers 200 with something that is not XML") from None
    if root.tag != "service_requests":
        return {root.tag: None}
    return [{child.tag: child.text or "" for child in request} for request in root]
