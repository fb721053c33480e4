"""The floor of the story: one line, two kinds of patients, three agents, one insurer."""

import base64
from pathlib import Path

PBX_SECRET = "whsec_" + base64.b64encode(b"the secret of the webhook pbx").decode()

LINE = "+74950000001"
CASH_CALLER = "+79001110001"
INSURED_CALLER = "+79001110002"
STRANGER = "+79001110003"

CUSTOMERS = {
    CASH_CALLER: {"payer": "cash", "name": "Cash Patient", "language": "fa", "vip": False},
    INSURED_CALLER: {
        "payer": "insured", "insurance": "compulsory", "name": "Insured Patient", "vip": False,
    },
}  # fmt: skip

FEED_HEADER = "Номер обращения;Дата;Телефон;Текст"
FEED_ROWS = [
    "Ж-1;20.11.2026 09:15;+7 (900) 222-33-01;Отказали в приёме по полису",
    "Ж-2;20.11.2026 10:00;89002223302;Нет талонов к кардиологу",
    "Ж-3;20.11.2026 11:30;не знаю;Грубо разговаривали",
    "Ж-4;20.11.2026 12:45;+79002223304;Взяли деньги за анализ",
]
BAD_ROW = 4
"""The third appeal, counted from the header: its telephone is none."""


def feed() -> bytes:
    return "\r\n".join([FEED_HEADER, *FEED_ROWS, ""]).encode("cp1251")


def configuration(*, crm_url: str, feed_folder: Path, asterisk: str) -> str:
    """The whole configuration file; `asterisk` is its entry in `pbxs`, or nothing."""
    return f"""
careline: 1
skills: [cash, insured]
queues:
  - {{id: paid, target_s: 20, max_wait_s: 600, offer_timeout_s: 60, ring_timeout_s: 60, wrap_up_s: 120}}
  - {{id: oms, target_s: 20, max_wait_s: 600, offer_timeout_s: 60, ring_timeout_s: 60, wrap_up_s: 120}}
flows:
  - id: main
    default: {{queue: oms, skills: {{insured: 1}}}}
    rules: [{{when: "crm.payer == 'cash'", queue: paid, skills: {{cash: 1}}, priority: cash}}]
lines: [{{number: "{LINE}", flow: main, language: ru}}]
teams: [{{id: t1, lead: sup1}}]
agents:
  - {{id: anna, name: Anna, team: t1, site: msk, skills: {{cash: 10}}, endpoint: PJSIP/a1, accept: app}}
  - {{id: igor, name: Igor, team: t1, site: msk, skills: {{insured: 10}}, endpoint: PJSIP/a2, accept: app}}
users:
  - {{id: sup1, roles: [supervisor]}}
  - {{id: spec1, roles: [specialist]}}
  - {{id: op7, roles: [insurer], insurer: ins7}}
  - {{id: head, roles: [contact_admin]}}
pbxs:
  - {{id: pbx1, kind: webhook, secret: "{PBX_SECRET}"}}
  {asterisk}
crm: {{kind: http, url: "{crm_url}", deadline_ms: 300, map: {{payer: $.payer, insurance: $.insurance, name: $.name, vip: $.vip, language: $.language}}}}
calendars:
  - {{id: c1, zone: Europe/Moscow, weekly: {{mon: ["09:00-18:00"], tue: ["09:00-18:00"], wed: ["09:00-18:00"], thu: ["09:00-18:00"], fri: ["09:00-18:00"], sat: ["09:00-18:00"], sun: ["09:00-18:00"]}}}}
subjects: [{{id: refusal, group: l2-care}}]
groups: [{{id: l2-care, level: 2, users: [spec1]}}]
territories: [{{id: "46"}}]
organisations: [{{id: h1, name: Hospital 1, territory: "46"}}]
insurers: [{{id: ins7, name: Insurer 7}}]
deadlines: [{{id: default, calendar: c1, clocks: {{level1: 1h, insurer: 3d, statutory: 30d}}}}]
sms: [{{id: console, kind: console}}]
surveys:
  - key: call
    questions: [{{id: csi, kind: csi}}]
    texts: {{ru: "Оцените звонок от 1 до 5", fa: "لطفا تماس را از ۱ تا ۵ ارزیابی کنید"}}
    trigger: {{event: call.ended, min_talk_s: 0}}
    rules: {{min_n: 1}}
sources:
  - id: ins7-daily
    record: appeal
    kind: folder
    path: "{feed_folder}"
    format: csv
    encodings: [cp1251]
    delimiter: ";"
    region: RU
    insurer: ins7
    map: {{external_id: "Номер обращения", phone: "Телефон", text: "Текст", registered_at: "Дата"}}
"""
