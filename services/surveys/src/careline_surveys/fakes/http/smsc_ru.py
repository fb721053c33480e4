"""A fake SMSC.ru: HTTP status 200 whatever happens; its callbacks are signed with SHA-1."""

import hashlib
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

from careline_surveys.fakes.http.dialect import (
    FORM,
    Answer,
    Call,
    Request,
    Sent,
    State,
    Trouble,
    require,
)

LOGIN, PASSWORD = "clinic", "md5-of-a-password"
SECRET = "smsc-ru-calls-here"  # noqa: S105 - the fake's own
CODES = {"sent": 0, "delivered": 1, "failed": 20}
TROUBLES: dict[Trouble, tuple[str, int]] = {
    "throttled": ("duplicate request, wait a minute", 9),
    "account": ("no money", 3),
    "refused_number": ("invalid number", 7),
}


class SmscRu:
    thanks = b"OK"

    def entry(self, base: str) -> dict[str, Any]:
        return {
            "id": "smsc", "kind": "smsc_ru", "url": base, "account": LOGIN, "key": PASSWORD, "source": "Clinic",
            "callback_secret": SECRET,
        }  # fmt: skip

    def read(self, request: Request, message_id: str) -> Sent:
        require(request.path == "/sys/send.php", "path")
        form = request.form
        require((form["login"], form["psw"]) == (LOGIN, PASSWORD), "login")
        require((form["charset"], form["fmt"], form["sender"]) == ("utf-8", "3", "Clinic"), "form")
        require(1 <= int(form["id"]) <= 2**31 - 1, "id")
        return Sent(message_id=form["id"], to=f"+{form['phones']}", text=form["mes"])

    def taken(self, sent: Sent) -> Answer:
        return Answer.json(
            {"id": int(sent.message_id), "cnt": 2, "cost": "3.60", "balance": "99.5"}
        )

    def trouble(self, trouble: Trouble) -> Answer:
        error, code = TROUBLES[trouble]
        return Answer.json({"error": error, "error_code": code})

    def asked(self, request: Request, messages: Sequence[Sent]) -> Answer | None:
        if request.path != "/sys/status.php":
            return None
        form = request.form
        require((form["login"], form["psw"]) == (LOGIN, PASSWORD), "login")
        wanted = (form["id"], f"+{form['phone']}")
        found = next((each for each in messages if (each.message_id, each.to) == wanted), None)
        if found is None:
            return Answer.json({"error": "message not found", "error_code": 3})
        return Answer.json(
            {"status": CODES[found.state], "last_date": "26.11.2026 10:00:00", "err": 0}
        )

    def status(self, sent: Sent, state: State) -> Call:
        fields = {
            "id": sent.message_id, "phone": sent.to.removeprefix("+"), "status": str(CODES[state]),
            "time": "26.11.2026 10:00:01", "err": "0", "cnt": "2", "cost": "3.60",
        }  # fmt: skip
        return self._call("status", fields, ("id", "phone", "status"))

    def inbound(self, message_id: str, sender: str, text: str) -> Call:
        fields = {
            "id": message_id, "phone": sender.removeprefix("+"), "mes": text, "to": "79037672215",
            "time": "26.11.2026 10:00:02",
        }  # fmt: skip
        return self._call("inbound", fields, ("id", "phone", "mes", "to"))

    def _call(self, action: Any, fields: dict[str, str], signed: Sequence[str]) -> Call:
        words = ":".join([*(fields[name] for name in signed), SECRET])
        proof = {"sha1": hashlib.sha1(words.encode(), usedforsecurity=False).hexdigest()}
        return Call(
            action=action,
            query="charset=utf-8",
            body=urlencode(fields | proof).encode(),
            headers={"content-type": FORM},
        )

    def forged(self, call: Call) -> Call:
        fields = dict(parse_qsl(call.body.decode()))
        fields["sha1"] = hashlib.sha1(b"guessed", usedforsecurity=False).hexdigest()
        return Call(
            action=call.action,
            query=call.query,
            body=urlencode(fields).encode(),
            headers=call.headers,
        )
