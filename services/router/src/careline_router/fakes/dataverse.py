"""A Dataverse environment with its login: client credentials, contacts, `$select`, `$filter`, `$top`.

    python -m careline_router.fakes.dataverse --port 8099

What the real one refuses is refused here in its form, `{"error":{"code","message"}}`: a missing or
stale token (401), a filter that is malformed or names an unknown column, an unknown table or option.
"""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, unquote

from careline_common.clock import Clock, SystemClock
from careline_router.fakes import command
from careline_router.fakes.http_server import Desk, Reply, Request
from careline_router.fakes.odata_filter import FilterError, compile_filter

CLIENT_ID = "careline"
CLIENT_SECRET = "let-me-in"  # noqa: S105 - the fake's own
TENANT = "hospital"
FORMATTED = "OData.Community.Display.V1.FormattedValue"
MOST_ROWS = 5000
LONGEST_URL = 32 * 1024
_OPTIONS = frozenset({"$select", "$filter", "$top"})
_TABLE = re.compile(r"/api/data/v9\.\d/(?P<table>\w+)")

Row = Mapping[str, Any]

PEOPLE: tuple[Row, ...] = (
    {
        "contactid": "c1",
        "statecode": 0,
        "fullname": "Anna O'Neill",
        "mobilephone": "+7 (916) 123-45-67",
        "telephone1": None,
        "new_payer": 100000000,
        "_new_insurer_value": None,
        "new_policystate": None,
        "new_language": "ru",
        "new_vip": True,
        "new_needs": "1,3",
        "new_lastagent": "anna",
    },
    {
        "contactid": "c2",
        "statecode": 0,
        "fullname": "Boris Ivanov",
        "mobilephone": None,
        "telephone1": "89167654321",
        "new_payer": 100000001,
        "_new_insurer_value": "7f1d0c0a-0000-4000-8000-000000000007",
        f"_new_insurer_value@{FORMATTED}": "Reso",
        "new_policystate": 1,
        "new_language": "en",
        "new_vip": False,
        "new_needs": None,
        "new_lastagent": None,
    },
)
EXAMPLES = """\
  python -m careline_router.fakes.dataverse --port 8099
  python -m careline_router.fakes.dataverse --fault ok --fault 429:30
  python -m careline_router.fakes.dataverse --login-fault 401 --people contacts.json

  the crm section that fits it:
    crm: {kind: dataverse, url: "http://127.0.0.1:8099", token_url: "http://127.0.0.1:8099/hospital/oauth2/v2.0/token",
          client_id: careline, client_secret: let-me-in, phones: [mobilephone, telephone1],
          map: {name: fullname, payer: {field: new_payer, values: {"100000000": cash, "100000001": insured}}}}
"""


class Dataverse:
    """`columns` are those of the first row. Faults go into `login` and `contacts`."""

    def __init__(
        self,
        people: Sequence[Row] = PEOPLE,
        *,
        clock: Clock | None = None,
        token_life_s: int = 3599,
    ) -> None:
        self.people = list(people)
        self.columns = frozenset(name for row in people for name in row if "@" not in name)
        self.token_life_s = token_life_s
        self.login = Desk()
        self.contacts = Desk()
        self._clock = clock or SystemClock()
        self._tokens: dict[str, float] = {}

    def withdraw_tokens(self) -> None:
        """All tokens given so far are refused from now on."""
        self._tokens.clear()

    def desk(self, request: Request) -> Desk:
        return self.login if request.parts.path.endswith("/oauth2/v2.0/token") else self.contacts

    def reply(self, request: Request) -> Reply:
        if self.desk(request) is self.login:
            return self._log_in(request)
        return self._query(request)

    def _log_in(self, request: Request) -> Reply:
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        if request.method != "POST" or form.get("grant_type") != "client_credentials":
            return Reply.json({"error": "unsupported_grant_type"}, 400)
        if not form.get("scope", "").endswith("/.default"):
            return Reply.json({"error": "invalid_scope"}, 400)
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return Reply.json(
                {"error": "invalid_client", "error_description": "AADSTS7000215"}, 401
            )
        token = f"token-{len(self.login.asked)}"
        self._tokens[token] = self._clock.monotonic() + self.token_life_s
        return Reply.json(
            {"token_type": "Bearer", "expires_in": self.token_life_s, "access_token": token}
        )

    def _query(self, request: Request) -> Reply:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self._tokens.get(token, 0) <= self._clock.monotonic() or request.method != "GET":
            return Reply(status=401, headers={"WWW-Authenticate": "Bearer"})
        if len(request.target) > LONGEST_URL:
            return _refusal(414, "0x0", "The request URL is too long.")
        table = _TABLE.fullmatch(request.parts.path)
        if table is None or table["table"] != "contacts":
            return _refusal(
                404, "0x80060888", f"Resource not found for the segment '{request.parts.path}'."
            )
        try:
            return Reply.json(self._rows(_options(request.parts.query)))
        except (FilterError, ValueError) as error:
            return _refusal(400, "0x80060888", str(error))

    def _rows(self, options: Mapping[str, str]) -> Mapping[str, Any]:
        selected = options["$select"].split(",") if "$select" in options else sorted(self.columns)
        for column in selected:
            if column not in self.columns:
                raise FilterError(
                    f"Could not find a property named '{column}' on type"
                    " 'Microsoft.Dynamics.CRM.contact'."
                )
        top = int(options.get("$top", MOST_ROWS))
        if top < 0:
            raise FilterError(f"Invalid value '{top}' for $top query option found.")
        holds = compile_filter(options.get("$filter", "contactid ne null"), self.columns)
        rows = [row for row in self.people if holds(row)][: min(top, MOST_ROWS)]
        return {
            "@odata.context": "…/$metadata#contacts",
            "value": [_row(row, selected) for row in rows],
        }


def _row(row: Row, selected: Sequence[str]) -> dict[str, Any]:
    """The selected columns, null where there is none, their labels, and the key, as always."""
    shown = {"@odata.etag": 'W/"1"', "contactid": row["contactid"]}
    for column in selected:
        shown[column] = row.get(column)
        label = f"{column}@{FORMATTED}"
        if label in row:
            shown[label] = row[label]
    return shown


def _options(query: str) -> dict[str, str]:
    """The query options; raises ValueError for one that is unknown or given twice."""
    options: dict[str, str] = {}
    for part in filter(None, query.split("&")):
        name, _, value = part.partition("=")
        name = unquote(name)
        if name not in _OPTIONS or name in options:
            raise ValueError(f"The query parameter {name} is not supported.")
        # a plus is a space in a query, as for the real one: a number's must come as %2B
        options[name] = unquote(value.replace("+", " "))
    return options


def _refusal(status: int, code: str, message: str) -> Reply:
    return Reply.json({"error": {"code": code, "message": message}}, status)


def service_limit(retry_after: str) -> Reply:
    """The answer of a service-protection limit; `retry_after` as the header has it."""
    message = "Number of requests exceeded the limit of 6000 over time window of 300 seconds."
    error = {"error": {"code": "0x80072322", "message": message}}
    return Reply(status=429, headers={"Retry-After": retry_after}, body=json.dumps(error).encode())


def main(arguments: Sequence[str] | None = None) -> int:
    parser = command.parser("dataverse", __doc__.splitlines()[0], EXAMPLES)
    parser.add_argument("--login-fault", action="append", default=[], help="the same for the login")
    options = parser.parse_args(arguments)
    fake = Dataverse(command.people(options, PEOPLE))
    faults = [(fake.contacts, options.fault), (fake.login, options.login_fault)]
    return command.run(fake, faults, options)


if __name__ == "__main__":
    sys.exit(main())
