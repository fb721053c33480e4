"""A person's data in ingest: given to him, and erased from what partners sent."""

import pytest

pytestmark = pytest.mark.integration

PHONE = "+79161234567"
ROWS = ('A-1;8 916 123-45-67;"Иванову отказали";20.11.2026', "A-2;+79037654321;Очередь;20.11.2026")


async def test_he_gets_his_records_and_loses_them_and_another_keeps_his(ingest) -> None:
    run = await ingest.read(ingest.sheet(*ROWS))
    assert run["rows"]["created"] == 2
    told = (await ingest.http.post("/v1/persons/export", json={"phone": PHONE})).json()
    [record] = told["records"]
    assert (told["known"], record["external_id"]) == (True, "A-1")
    assert record["fields"]["text"] == "Иванову отказали"
    done = (await ingest.http.post("/v1/persons/erase", json={"phone": PHONE})).json()
    assert (done["erased"], done["records"], bool(done["kept"])) == (True, 1, True)
    left = "\n".join(
        row["row"]
        for row in await ingest.query("SELECT t::text AS row FROM ingest.record_content t")
    )
    assert [mark in left for mark in ("Иванову", PHONE, "Очередь")] == [False, False, True]
    noted = await ingest.query("SELECT subject, action, target FROM ingest.audit ORDER BY id")
    assert [tuple(row) for row in noted] == [
        ("root", "person.export", record["id"]),
        ("root", "person.erase", record["id"]),
    ]
    again = (await ingest.http.post("/v1/persons/erase", json={"phone": PHONE})).json()
    assert (again["erased"], again["records"]) == (False, 0)


@pytest.mark.parametrize("what", ["export", "erase"])
async def test_only_who_keeps_persons_may(ingest, what) -> None:
    for role in ("agent", "insurer", "auditor"):
        answer = await ingest.http.post(
            f"/v1/persons/{what}", json={"phone": PHONE}, headers=ingest.token(role)
        )
        assert answer.status_code == 403


async def test_what_an_open311_client_said_beside_the_appeal_goes_with_him(ingest) -> None:
    subjects = {"subjects": [{"id": "refusal"}]}
    assert (await ingest.http.put("/v1/config", json=subjects)).status_code == 200
    form = {"service_code": "refusal", "description": "Отказ", "phone": PHONE}
    form |= {"email": "anna@example.org", "address_string": "ул. Мира, 1"}
    filed = await ingest.http.post("/open311/v2/requests.json", data=form)
    assert filed.status_code == 201, filed.text
    [record] = (await ingest.http.post("/v1/persons/export", json={"phone": PHONE})).json()[
        "records"
    ]
    assert record["given"] == {"email": "anna@example.org", "address_string": "ул. Мира, 1"}
    await ingest.http.post("/v1/persons/erase", json={"phone": PHONE})
    assert await ingest.query("SELECT * FROM ingest.open311_content") == []
    assert (await ingest.http.get("/open311/v2/requests.json")).json() == []
