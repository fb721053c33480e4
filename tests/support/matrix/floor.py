"""The configuration of a world: the floor of the story, with surveys that leave the house."""

from pathlib import Path
from typing import Any

import yaml
from story import floor

LINE = floor.LINE
PBX = "pbx1"
ASTERISK = "ast1"
PBX_SECRET = floor.PBX_SECRET
SOURCE = "ins7-daily"


def configuration(
    *, crm_url: str, sms: dict[str, Any], sftp: dict[str, Any], asterisk: dict[str, Any]
) -> dict[str, Any]:
    """The story's configuration with an SMSC, an insurer's SFTP server and an Asterisk."""
    text = floor.configuration(crm_url=crm_url, feed_folder=Path("/nowhere"), asterisk="")
    document: dict[str, Any] = yaml.safe_load(text)
    del document["careline"]
    document["sms"] = [sms]
    document["pbxs"].append(asterisk)
    (source,) = document["sources"]
    del source["path"]
    source |= sftp
    # a CRM that is held back, so that faults have something to hit, is still in time
    document["crm"]["deadline_ms"] = 10_000
    # a call whose look-up has failed nevertheless finds whichever agent is free
    for agent in document["agents"]:
        agent["skills"] = {"cash": 5, "insured": 5}
    return document


def addition(number: int) -> dict[str, Any]:
    """What the first step of story `number` adds, something for each of the four services."""
    return {
        "queues": [{"id": f"q{number}", "target_s": 20, "max_wait_s": 600, "offer_timeout_s": 60,
                    "ring_timeout_s": 60, "wrap_up_s": 120}],
        "organisations": [{"id": f"o{number}", "name": f"Hospital {number}", "territory": "46"}],
        "surveys": [{"key": f"s{number}", "questions": [{"id": "csi", "kind": "csi"}],
                     "texts": {"ru": "Оцените от 1 до 5"}}],
    }  # fmt: skip


GOOD_ROWS, BAD_ROWS = 23, 1


def feed(number: int) -> bytes:
    """The insurer's file of story `number`: its last row has a telephone that is none."""
    rows = [
        f"{external_id};20.11.2026 09:15;+7900333{number:02d}{row:02d};Нет талонов к врачу {row}"
        for row, external_id in enumerate(external_ids(number))
    ]
    rows.append(f"Б-{number};20.11.2026 09:15;не знаю;Грубо разговаривали")
    return "\r\n".join([floor.FEED_HEADER, *rows, ""]).encode("cp1251")


def external_ids(number: int) -> list[str]:
    return [f"Ж-{number}-{row}" for row in range(GOOD_ROWS)]
