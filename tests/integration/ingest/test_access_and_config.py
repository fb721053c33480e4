"""Who may do what, and what a source may be configured as."""

from typing import TYPE_CHECKING, Any

import pytest

from careline_common.db.migrate import differences
from careline_ingest.db.tables import metadata

if TYPE_CHECKING:
    from conftest import Ingest

pytestmark = pytest.mark.integration

GOOD = "A-1;89161234567;Нет лекарства;01.03.2026 09:30"
EXAMPLE: dict[str, Any] = {
    "careline": 1,
    "insurers": [{"id": "ins7", "name": "I"}],
    "sources": [
        {
            "id": "ins7-daily", "record": "appeal", "kind": "folder", "path": "/srv/none",
            "format": "csv", "encodings": ["cp1251"], "delimiter": ";", "insurer": "ins7",
            "map": {
                "external_id": "Номер обращения", "phone": "Телефон", "text": "Текст",
                "registered_at": "Дата",
            },
        }
    ],
    "queues": [{"id": "of-another-service"}],
}  # fmt: skip


async def test_the_migration_makes_what_the_tables_say(database_url: str) -> None:
    assert await differences(database_url, schema="ingest", metadata=metadata) == []


async def test_the_documented_source_is_applied_with_its_insurer(ingest: "Ingest") -> None:
    dry = await ingest.http.put("/v1/config", params={"dry_run": True}, json=EXAMPLE)
    assert dry.status_code == 200
    assert (await ingest.http.put("/v1/config", json=EXAMPLE)).status_code == 200
    listed = (await ingest.http.get("/v1/sources")).json()["items"]
    assert [(source["id"], source["kind"]) for source in listed] == [("ins7-daily", "folder")]


async def test_records_of_an_insurers_source_name_him_and_come_by_his_channel(
    ingest: "Ingest",
) -> None:
    await ingest.http.put("/v1/config", json={"insurers": [{"id": "ins7"}]})
    await ingest.source("ins7", insurer="ins7")
    await ingest.read(ingest.sheet(GOOD), source="ins7")
    record = (await ingest.records())["A-1"]
    assert (record["insurer"], record["fields"]["channel"]) == ("ins7", "insurer")


KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHY7bZPNvIdfJQiTRc4FFkVWuPHXcFt2A7uZhmnXHAsd"
SFTP = {
    "kind": "sftp", "url": "sftp://partner.example/out", "user": "careline", "password": "word",
    "host_key": KEY,
}  # fmt: skip
HTTPS = {"kind": "https", "url": "https://partner.example/day.csv"}
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"encodings": ["cp12512"]}, "encodings[0]"),
    ({"encodings": ["hex"]}, "encodings[0]"),
    ({"map": {"id": "x", "external_id": "y"}}, "map.id"),
    ({"map": {"phone": "x"}}, ""),
    ({"kind": "https", "url": "ftp://partner.example/"}, "url"),
    ({"kind": "https", "url": "file:///etc/passwd"}, "url"),
    ({"kind": "sftp"}, ""),
    ({"kind": "folder"}, ""),
    ({"kind": "folder", "path": ""}, "path"),
    ({"kind": "carrier-pigeon"}, "kind"),
    ({"delimiter": ";;"}, "delimiter"),
    ({"insurer": "nobody"}, "insurer"),
    ({"zone": "Europe/Nowhere"}, "zone"),
    ({"region": "XX"}, "region"),
    ({"schedule": "daily"}, "schedule"),
    ({"schedule": "0 0 31 2 *"}, "schedule"),
    (SFTP | {"url": "sftp://partner.example:99999/out"}, "url"),
    (SFTP | {"url": "sftp://user:word@partner.example/out"}, "url"),
    (SFTP | {"url": "https://partner.example/out"}, "url"),
    (SFTP | {"host_key": "ssh-ed25519 AAAA"}, "host_key"),
    (SFTP | {"host_key": []}, "host_key"),
    (SFTP | {"host_key": None}, "host_key"),
    (SFTP | {"user": None}, "user"),
    (SFTP | {"password": None}, "password"),
    (SFTP | {"private_key": "no key"}, ""),
    (SFTP | {"pattern": "in/*.csv"}, "pattern"),
    (SFTP | {"archive": "../done"}, "archive"),
    (SFTP | {"archive": "/out/"}, "archive"),
    (SFTP | {"answers": "/"}, "answers"),
    (SFTP | {"finished": "perhaps"}, "finished"),
    (SFTP | {"timeout_s": 0}, "timeout_s"),
    (SFTP | {"max_bytes": 0}, "max_bytes"),
    (SFTP | {"token": "secret"}, "token"),
    (SFTP | {"redirect_hosts": ["a.example"]}, "redirect_hosts"),
    (HTTPS | {"url": "http://partner.example/day.csv"}, "url"),
    (HTTPS | {"ca": "no certificate"}, "ca"),
    (HTTPS | {"archive": "done"}, "archive"),
    (HTTPS | {"redirect_hosts": ["a.example/x"]}, "redirect_hosts"),
    (HTTPS | {"token": "a", "api_key": "b"}, "api_key"),
    (HTTPS | {"password": "a"}, "user"),
    (HTTPS | {"token": "a", "api_key_header": "X Y"}, "api_key_header"),
]


async def test_a_wrong_source_is_refused_with_the_place(ingest: "Ingest") -> None:
    good = (await ingest.http.get("/v1/sources/ins7-daily")).json()
    for change, path in WRONG:
        body = {name: value for name, value in good.items() if value is not None} | change
        answer = await ingest.http.put("/v1/sources/new", json=body | {"id": "new"})
        assert answer.status_code == 422, change
        assert answer.json()["errors"][0]["path"].startswith(path), change
    assert (await ingest.http.get("/v1/sources/new")).status_code == 404


async def test_an_edit_needs_the_version_that_was_seen(ingest: "Ingest") -> None:
    present = await ingest.http.get("/v1/sources/ins7-daily")
    without = await ingest.http.put("/v1/sources/ins7-daily", json=present.json())
    assert without.status_code == 428
    lost = await ingest.http.put(
        "/v1/sources/ins7-daily", json=present.json(), headers={"If-Match": '"99"'}
    )
    assert lost.status_code == 412


async def test_secrets_of_a_source_are_not_shown(ingest: "Ingest") -> None:
    await ingest.source("secret", **(SFTP | {"password": "very-secret-word"}))
    for path in ("/v1/sources/secret", "/v1/sources"):
        assert "very-secret-word" not in (await ingest.http.get(path)).text


async def test_others_may_neither_send_nor_read(ingest: "Ingest") -> None:
    headers = ingest.token("agent", "supervisor", "quality", "pbx")
    for method, path in (
        ("POST", "/v1/sources/ins7-daily/files"),
        ("POST", "/v1/sources/ins7-daily/run"),
        ("GET", "/v1/sources"),
        ("GET", "/v1/runs"),
        ("GET", "/v1/runs/x"),
        ("GET", "/v1/quarantine"),
        ("GET", "/v1/records/x"),
        ("GET", "/v1/records?id=x"),
        ("POST", "/v1/quarantine/x/replay"),
        ("PUT", "/v1/sources/x"),
    ):
        body: dict[str, Any] = {"json": {}} if method == "PUT" else {}
        answer = await ingest.http.request(method, path, headers=headers, **body)
        assert (answer.status_code, answer.json()["type"]) == (403, "forbidden"), (method, path)


async def test_an_insurer_sees_and_feeds_his_own_sources_alone(ingest: "Ingest") -> None:
    await ingest.http.put("/v1/config", json={"insurers": [{"id": "ins7"}, {"id": "ins8"}]})
    await ingest.source("of7", insurer="ins7")
    mine, others = ingest.token("insurer", insurer="ins7"), ingest.token("insurer", insurer="ins8")
    content = ingest.sheet(GOOD, "A-2;x;x;x")
    path = "/v1/sources/of7/files"
    assert (await ingest.http.post(path, content=content, headers=others)).status_code == 404
    run = (await ingest.http.post(path, content=content, headers=mine)).json()
    await ingest.ended(run["id"])
    for url, items in (("/v1/runs", 1), ("/v1/quarantine", 1)):
        assert len((await ingest.http.get(url, headers=mine)).json()["items"]) == items
        assert (await ingest.http.get(url, headers=others)).json()["items"] == []
    for url in (f"/v1/runs/{run['id']}", f"/v1/runs/{run['id']}/answer.xml"):
        assert (await ingest.http.get(url, headers=mine)).status_code == 200
        assert (await ingest.http.get(url, headers=others)).status_code == 404


async def test_reading_a_record_is_noted(ingest: "Ingest") -> None:
    await ingest.read(ingest.sheet(GOOD))
    record = (await ingest.records())["A-1"]
    (note,) = await ingest.query("SELECT subject, action, target FROM ingest.audit")
    assert tuple(note) == ("root", "record.read", record["id"])
    assert (await ingest.http.get("/v1/records/none")).status_code == 404


async def test_many_records_are_read_at_once_and_each_reading_is_noted(ingest: "Ingest") -> None:
    await ingest.read(ingest.sheet(GOOD, GOOD.replace("A-1", "A-2"), GOOD.replace("A-1", "A-3")))
    each = await ingest.records()
    wanted = [each["A-1"]["id"], each["A-3"]["id"]]
    await ingest.query("DELETE FROM ingest.audit")
    answer = await ingest.http.get("/v1/records", params={"id": [*wanted, wanted[0], "none"]})
    assert answer.json() == {"items": [each["A-1"], each["A-3"]], "next": None}
    notes = await ingest.query("SELECT subject, action, target FROM ingest.audit ORDER BY target")
    assert [tuple(note) for note in notes] == [("root", "record.read", one) for one in wanted]
    for wrong in ([], ["x"] * 101):
        refused = await ingest.http.get("/v1/records", params={"id": wrong})
        assert refused.status_code == 422


async def test_runs_and_quarantine_come_by_pages(ingest: "Ingest") -> None:
    for day in range(3):
        await ingest.read(ingest.sheet(f"A-{day};x;{day};x"))
    for path in ("/v1/runs", "/v1/quarantine"):
        first = (await ingest.http.get(path, params={"limit": 2})).json()
        second = (await ingest.http.get(path, params={"limit": 2, "cursor": first["next"]})).json()
        assert (len(first["items"]), len(second["items"]), second["next"]) == (2, 1, None)
        assert len({item["id"] for item in first["items"] + second["items"]}) == 3


async def test_unknown_sources_and_runs_are_not_found(ingest: "Ingest") -> None:
    assert (await ingest.send(b"x", source="none")).status_code == 404
    assert (await ingest.http.post("/v1/sources/none/run")).status_code == 404
    assert (await ingest.http.get("/v1/runs/none")).status_code == 404
    assert (await ingest.http.get("/v1/runs/none/answer.json")).status_code == 404
    assert (await ingest.http.post("/v1/runs/none/replay")).status_code == 404


async def test_rows_and_runs_are_counted(ingest: "Ingest") -> None:
    await ingest.read(ingest.sheet(GOOD, "A-2;x;x;x"))
    value = ingest.service.app.state.metrics.value
    assert value("rows_total", source="ins7-daily", result="created") == 1
    assert value("rows_total", source="ins7-daily", result="quarantined") == 1
    assert value("runs_total", source="ins7-daily", status="done") == 1
    assert value("last_run_timestamp_seconds", source="ins7-daily") > 0
