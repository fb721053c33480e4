"""A FHIR R4 server as far as booking goes: Slot search and read, Appointment create, read, search, update.

    python -m careline_router.fakes.fhir --port 8097

As servers do it: versions as ETag, 412 for an If-Match of another version, `If-None-Exist`, search bundles by pages,
OperationOutcome for every error. An appointment that is booked takes its slot.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlencode

from careline_common.clock import SystemClock, rfc3339
from careline_router.fakes import command
from careline_router.fakes.appointments import Book, Booked, FreeTime, NotThere, Taken, free_days
from careline_router.fakes.http_server import Desk, Reply, Request

TOKEN = "let-me-in"  # noqa: S105 - the fake's own
MIME = "application/fhir+json"
CLINIC = "Location/17"
EXAMPLES = """\
  python -m careline_router.fakes.fhir --port 8097
  python -m careline_router.fakes.fhir --order-fault cut:40 --fault 503:10
  python -m careline_router.fakes.fhir --login

  the booking section that fits it:
    booking: {kind: fhir, url: "http://127.0.0.1:8097/fhir", token: let-me-in, clinics: {north: Location/17}}
"""


class _Refused(Exception):  # noqa: N818 - an answer of the server
    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


class FhirServer:
    """Without a `token` everybody may ask. Faults go into `looks` (GET) and `orders` (POST, PUT)."""

    def __init__(self, book: Book, *, token: str | None = TOKEN) -> None:
        self.book = book
        self._token = token
        self.looks, self.orders = Desk(), Desk()

    def desk(self, request: Request) -> Desk:
        return self.looks if request.method == "GET" else self.orders

    def reply(self, request: Request) -> Reply:
        try:
            return self._answer(request)
        except _Refused as refused:
            return outcome(refused.code, refused.status)
        except Taken:
            return outcome("conflict", 409)
        except NotThere:
            return outcome("not-found", 404)
        except (KeyError, TypeError, ValueError, IndexError):
            return outcome("invalid", 400)

    def _answer(self, request: Request) -> Reply:
        if self._token and request.headers.get("authorization") != f"Bearer {self._token}":
            raise _Refused(401, "login")
        if request.method != "GET" and request.headers.get("content-type") != MIME:
            raise _Refused(415, "not-supported")
        query = parse_qs(request.parts.query)
        match request.method, request.parts.path.removeprefix("/fhir/").split("/"):
            case "GET", ["Slot"]:
                return self._slots(request, query)
            case "GET", ["Slot", identity]:
                return _json(self._slot(self.book.slot(identity)))
            case "GET", ["Appointment"]:
                found = self.book.by_reference(query["identifier"][0].rpartition("|")[2])
                return _json(_bundle([] if found is None else [_appointment(found)]))
            case "GET", ["Appointment", identity]:
                return _versioned(self.book.standing(identity))
            case "POST", ["Appointment"]:
                return self._create(request)
            case "PUT", ["Appointment", identity]:
                return self._update(request, identity)
            case _:
                raise _Refused(404, "not-supported")

    def _slots(self, request: Request, query: Mapping[str, list[str]]) -> Reply:
        bounds = {each[:2]: each[2:] for each in query["start"]}
        free = self.book.free(
            query["schedule.actor"][0],
            query.get("specialty", [None])[0],
            since=bounds["ge"],
            until=bounds["lt"],
        )
        skip, count = int(query.get("_skip", ["0"])[0]), int(query["_count"][0])
        bundle = _bundle([self._slot(each) for each in free[skip : skip + count]])
        if skip + count < len(free):
            pairs = [(name, each) for name, values in query.items() for each in values]
            more = [pair for pair in pairs if pair[0] != "_skip"] + [("_skip", str(skip + count))]
            url = f"http://{request.headers['host']}/fhir/Slot?{urlencode(more)}"
            bundle["link"] = [{"relation": "next", "url": url}]
        return _json(bundle)

    def _slot(self, slot: FreeTime) -> dict[str, Any]:
        return {
            "resourceType": "Slot",
            "id": slot.id,
            "schedule": {"reference": f"Schedule/{slot.clinic[9:]}", "display": slot.practitioner},
            "specialty": [{"coding": [{"code": slot.speciality}]}],
            "status": "busy" if self.book.taken(slot.id) else "free",
            "start": rfc3339(slot.starts_at),
            "end": rfc3339(slot.ends_at),
        }

    def _create(self, request: Request) -> Reply:
        sent = _read(request)
        reference = sent["identifier"][0]["value"]
        condition = parse_qs(request.headers.get("if-none-exist", ""))
        if condition:
            found = self.book.by_reference(condition["identifier"][0].rpartition("|")[2])
            if found is not None:
                return _versioned(found)
        made = self.book.book(reference, _slot_id(sent), _patient(sent))
        made.resource = sent
        return _versioned(made, 201)

    def _update(self, request: Request, identity: str) -> Reply:
        found, sent = self.book.standing(identity), _read(request)
        if "if-match" not in request.headers:
            raise _Refused(428, "required")
        if request.headers["if-match"] != f'W/"{found.version}"':
            raise _Refused(412, "conflict")
        found.resource = sent
        if sent["status"] == "cancelled":
            return _versioned(self.book.cancel(identity))
        return _versioned(self.book.move(identity, _slot_id(sent)))


def outcome(code: str, status: int = 200) -> Reply:
    """An OperationOutcome; with 200 it is the error that some servers tell so."""
    issue = {"severity": "error", "code": code, "diagnostics": "Ivanov, Ivan: no"}
    return _json({"resourceType": "OperationOutcome", "issue": [issue]}, status)


def _json(document: Mapping[str, Any], status: int = 200, **headers: str) -> Reply:
    return Reply(
        status=status, headers={"Content-Type": MIME, **headers}, body=json.dumps(document).encode()
    )


def _versioned(made: Booked, status: int = 200) -> Reply:
    return _json(_appointment(made), status, ETag=f'W/"{made.version}"')


def _appointment(made: Booked) -> dict[str, Any]:
    return {
        "identifier": [{"system": "urn:careline:appointment", "value": made.reference}],
        **made.resource,
        "resourceType": "Appointment",
        "id": made.id,
        "meta": {"versionId": str(made.version)},
        "status": made.status,
        "slot": [{"reference": f"Slot/{made.slot.id}"}],
        "start": rfc3339(made.slot.starts_at),
        "end": rfc3339(made.slot.ends_at),
    }


def _bundle(resources: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    entry = [{"resource": each, "search": {"mode": "match"}} for each in resources]
    return {"resourceType": "Bundle", "type": "searchset", "entry": entry}


def _read(request: Request) -> dict[str, Any]:
    """An appointment as sent; one that R4 does not allow raises."""
    sent: dict[str, Any] = json.loads(request.body)
    if sent["resourceType"] != "Appointment" or not sent["participant"]:
        raise _Refused(422, "invariant")
    if ("start" in sent) != ("end" in sent) or any(
        "status" not in each for each in sent["participant"]
    ):
        raise _Refused(422, "invariant")
    return sent


def _slot_id(sent: Mapping[str, Any]) -> str:
    return str(sent["slot"][0]["reference"]).removeprefix("Slot/")


def _patient(sent: Mapping[str, Any]) -> Mapping[str, Any]:
    patient: Mapping[str, Any] = (sent.get("contained") or [sent["participant"][0]["actor"]])[0]
    return patient


def main(arguments: Sequence[str] | None = None) -> int:
    parser = command.parser(
        "fhir", __doc__.splitlines()[0], EXAMPLES, of_people=False, with_login=True
    )
    parser.add_argument("--clinic", default=CLINIC, help="the clinic that has free slots")
    parser.add_argument("--order-fault", action="append", default=[], help="the same for orders")
    options = parser.parse_args(arguments)
    book = Book(free_days(SystemClock().now(), options.clinic))
    fake = FhirServer(book, token=None if options.login else TOKEN)
    faults = [(fake.looks, options.fault), (fake.orders, options.order_fault)]
    return command.run(fake, faults, options)


if __name__ == "__main__":
    sys.exit(main())
