"""A plain booking system: `/slots`, `/appointments`, as JSON of its own.

    python -m careline_router.fakes.booking --port 8096

Free slots are every half hour of the next days. An order that it has taken stands, whatever then goes wrong with
the answer; an appointment that is booked takes its slot, one that is moved or cancelled gives it back.
"""

import json
import sys
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, unquote

from careline_common.clock import SystemClock
from careline_router.fakes import command
from careline_router.fakes.appointments import Book, Booked, NotThere, Taken, free_days
from careline_router.fakes.http_server import Desk, Reply, Request

TOKEN = "let-me-in"  # noqa: S105 - the fake's own
EXAMPLES = """\
  python -m careline_router.fakes.booking --port 8096
  python -m careline_router.fakes.booking --fault slow:30 --fault '*ok'
  python -m careline_router.fakes.booking --login --login-fault 503

  the booking section that fits it:
    booking: {kind: http, url: "http://127.0.0.1:8096", token: let-me-in, clinics: {north: "17"}}
"""


class PlainBooking:
    """Without a `token` everybody may ask. Faults go into `looks` (GET) and `orders`."""

    def __init__(self, book: Book, *, token: str | None = TOKEN) -> None:
        self.book = book
        self._token = token
        self.looks, self.orders = Desk(), Desk()

    def desk(self, request: Request) -> Desk:
        return self.looks if request.method == "GET" else self.orders

    def reply(self, request: Request) -> Reply:
        if self._token and request.headers.get("authorization") != f"Bearer {self._token}":
            return Reply.json({"error": "unauthorised"}, 401)
        try:
            return self._answer(request)
        except Taken:
            return Reply.json({"error": "taken"}, 409)
        except NotThere:
            return Reply.json({"error": "not there"}, 404)
        except (KeyError, TypeError, ValueError):
            return Reply.json({"error": "malformed"}, 422)

    def _answer(self, request: Request) -> Reply:
        path, query = request.parts.path, parse_qs(request.parts.query, keep_blank_values=True)
        match request.method, path.strip("/").split("/"):
            case "GET", ["slots"]:
                return self._slots({name: values[0] for name, values in query.items()})
            case "GET", ["appointments"]:
                found = self.book.by_reference(query["reference"][0])
                return Reply.json({"items": [] if found is None else [_shown(found)]})
            case "POST", ["appointments"]:
                wanted = json.loads(request.body)
                made = self.book.book(wanted["reference"], wanted["slot"], wanted["patient"])
                return Reply.json(_shown(made), 201)
            case "PUT", ["appointments", identity]:
                return Reply.json(
                    _shown(self.book.move(unquote(identity), json.loads(request.body)["slot"]))
                )
            case "DELETE", ["appointments", identity]:
                self.book.cancel(unquote(identity))
                return Reply(status=204)
            case _:
                return Reply.json({"error": "no such path"}, 404)

    def _slots(self, asked: dict[str, str]) -> Reply:
        free = self.book.free(
            asked["clinic"], asked["speciality"] or None, since=asked["from"], until=asked["to"]
        )
        return Reply.json(
            {
                "items": [
                    {
                        "id": each.id,
                        "starts_at": each.starts_at.isoformat(),
                        "ends_at": each.ends_at.isoformat(),
                        "speciality": each.speciality,
                        "practitioner": each.practitioner,
                    }
                    for each in free
                ]
            }
        )


def _shown(made: Booked) -> dict[str, Any]:
    return {
        "id": made.id,
        "reference": made.reference,
        "slot": made.slot.id,
        "status": made.status,
        "starts_at": made.slot.starts_at.isoformat(),
        "ends_at": made.slot.ends_at.isoformat(),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = command.parser(
        "booking", __doc__.splitlines()[0], EXAMPLES, of_people=False, with_login=True
    )
    parser.add_argument("--clinic", default="17", help="the clinic that has free slots")
    parser.add_argument("--order-fault", action="append", default=[], help="the same for orders")
    options = parser.parse_args(arguments)
    book = Book(free_days(SystemClock().now(), options.clinic))
    fake = PlainBooking(book, token=None if options.login else TOKEN)
    faults = [(fake.looks, options.fault), (fake.orders, options.order_fault)]
    return command.run(fake, faults, options)


if __name__ == "__main__":
    sys.exit(main())
