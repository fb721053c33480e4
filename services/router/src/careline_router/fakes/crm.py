"""A plain CRM: `GET /customers/{number}` gives one customer as JSON, 404 for nobody's number.

python -m careline_router.fakes.crm --port 8098
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from careline_router.fakes import command
from careline_router.fakes.http_server import Desk, Reply, Request

TOKEN = "let-me-in"  # noqa: S105 - the fake's own

PEOPLE: Mapping[str, Any] = {
    "+79161234567": {
        "name": "Anna O'Neill",
        "payer": "cash",
        "vip": True,
        "language": "ru",
        "needs": ["wheelchair"],
        "last_agent": "anna",
    },
    "+79167654321": {
        "name": "Boris Ivanov",
        "payer": "insured",
        "insurance": "voluntary",
        "insurer": "Reso",
        "policy_state": "active",
        "language": "en",
    },
}
EXAMPLES = """\
  python -m careline_router.fakes.crm --port 8098
  python -m careline_router.fakes.crm --fault 503:10 --fault hang --fault '*ok'

  the crm section that fits it:
    crm: {kind: http, url: "http://127.0.0.1:8098/customers/{phone}", token: let-me-in,
          map: {payer: $.payer, name: $.name, vip: $.vip, language: $.language}}
"""


class PlainCrm:
    """`people` by number as E.164; a list of several is several customers with one number.

    Without a `token` everybody may ask.
    """

    def __init__(self, people: Mapping[str, Any] = PEOPLE, *, token: str | None = TOKEN) -> None:
        self.people = dict(people)
        self._token = token
        self.customers = Desk()

    def desk(self, request: Request) -> Desk:
        return self.customers

    def reply(self, request: Request) -> Reply:
        if self._token and request.headers.get("authorization") != f"Bearer {self._token}":
            return Reply.json({"error": "unauthorised"}, 401)
        if request.method != "GET" or request.parts.path.rpartition("/")[0] != "/customers":
            return Reply.json({"error": "no such path"}, 405)
        found = self.people.get(number_in(request))
        return Reply(status=404) if found is None else Reply.json(found)


def number_in(request: Request) -> str:
    """For whom a request asks."""
    return unquote(request.parts.path.rpartition("/")[2])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = command.parser("crm", __doc__.splitlines()[0], EXAMPLES)
    options = parser.parse_args(arguments)
    fake = PlainCrm(command.people(options, PEOPLE))
    return command.run(fake, [(fake.customers, options.fault)], options)


if __name__ == "__main__":
    sys.exit(main())
