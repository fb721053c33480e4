"""Insurance records: `GET /policies?number=` or `?phone=` gives a person's policies as JSON.

    python -m careline_router.fakes.records --port 8095

Whatever is asked by another method is refused: there is nothing to change here.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

from careline_router.fakes import command
from careline_router.fakes.http_server import Desk, Reply, Request

TOKEN = "let-me-in"  # noqa: S105 - the fake's own
POLICIES: tuple[Mapping[str, Any], ...] = (
    {
        "number": "77-123456", "phone": "+79161234567", "birth_date": "1950-05-09", "type": "dms", "status": "active",
        "insurer": "ins7", "valid_until": "2030-12-31", "clinic": "north",
    },
    {
        "number": "5000112233445566", "phone": "+79161234567", "birth_date": "1950-05-09", "type": "oms",
        "status": "active", "insurer": "ins1", "valid_until": None, "clinic": "south",
    },
    {
        "number": "77-654321", "phone": "+79167654321", "birth_date": "1981-01-31", "type": "dms", "status": "lapsed",
        "insurer": "ins7", "valid_until": "2020-12-31", "clinic": "north",
    },
)  # fmt: skip
EXAMPLES = """\
  python -m careline_router.fakes.records --port 8095
  python -m careline_router.fakes.records --login --fault slow:30 --fault '*ok'

  the records section that fits it:
    records: {kind: http, url: "http://127.0.0.1:8095", token: let-me-in}
"""


class PlainRecords:
    """Without a `token` everybody may ask."""

    def __init__(
        self, policies: Sequence[Mapping[str, Any]] = POLICIES, *, token: str | None = TOKEN
    ) -> None:
        self.policies = list(policies)
        self.looks = Desk()
        self._token = token

    def desk(self, request: Request) -> Desk:
        return self.looks

    def reply(self, request: Request) -> Reply:
        if self._token and request.headers.get("authorization") != f"Bearer {self._token}":
            return Reply.json({"error": "unauthorised"}, 401)
        if request.method != "GET":
            return Reply.json({"error": "nothing can be changed here"}, 405)
        asked = {name: values[0] for name, values in parse_qs(request.parts.query).items()}
        by = asked.keys() & {"number", "phone"}
        if request.parts.path != "/policies" or not by:
            return Reply.json({"error": "no such path"}, 404)
        his = [each for each in self.policies if all(each[name] == asked[name] for name in by)]
        return Reply.json({"items": his})


def main(arguments: Sequence[str] | None = None) -> int:
    parser = command.parser("records", __doc__.splitlines()[0], EXAMPLES, with_login=True)
    options = parser.parse_args(arguments)
    policies = command.people(options, POLICIES)
    fake = PlainRecords(policies, token=None if options.login else TOKEN)
    return command.run(fake, [(fake.looks, options.fault)], options)


if __name__ == "__main__":
    sys.exit(main())
