"""An SMSC on smpp34's own server, with the commands on stdin and the record of the shipped fake.

Arguments: port, record file.
"""

import asyncio
import contextlib
import json
import sys
import time
from pathlib import Path
from typing import Any

import smpp34

STATUS = {"throttle": smpp34.ESME_RTHROTTLED, "refuse": smpp34.ESME_RINVDSTADR}
STATES = {"ENROUTE": 1, "DELIVRD": 2, "EXPIRED": 3, "UNDELIV": 5, "REJECTD": 8}
UDHI = 0x40


class Smsc:
    def __init__(self, record: Path) -> None:
        self.settings: dict[str, Any] = {
            "response_ids": "hex", "receipt_ids": "hex", "receipts": "after", "stat": "DELIVRD",
            "tlvs": True, "echo_reference": False,
        }  # fmt: skip
        self.script: list[str] = []
        self._record = record.open("a", buffering=1)
        self._bound: dict[str, smpp34.Esme] = {}
        self._last = time.time_ns() // 1_000_000
        self._kept: list[Any] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def note(self, event: str, **values: Any) -> None:
        self._record.write(json.dumps({"event": event, **values}) + "\n")

    def run(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def heard(self, event: Any) -> None:
        if isinstance(event, smpp34.Esme):
            self._bound[event.session_id] = event
            self.note("bound", mode="receiver" if event.can_receive else "transmitter")
        elif isinstance(event, smpp34.SubmitSmEvent):
            self.run(self._submitted(event))
        else:
            self._bound.pop(event.session_id, None)
            self.note("unbound")

    async def _submitted(self, event: smpp34.SubmitSmEvent) -> None:
        fault = self.script.pop(0) if self.script else "ok"
        self._last += 1
        number = self._last
        entry = {"message_id": written(number, self.settings["response_ids"]), **shown(event)}
        entry["fault"] = fault
        if fault in STATUS:
            self.note("refused", **entry)
            event.reject(STATUS[fault])
            return
        self.note("submit_sm", **entry)
        how = self.settings["receipts"]
        if how == "before":
            await self.deliver(self._receipt(event, number))
        if fault == "ok":
            event.accept(entry["message_id"])
        else:
            self._kept.append(event)  # dropped, it would be answered with an error
        if how == "after":
            await asyncio.sleep(0.02)
            await self.deliver(self._receipt(event, number))

    def _receipt(self, event: smpp34.SubmitSmEvent, number: int) -> dict[str, Any]:
        message_id, stat = written(number, self.settings["receipt_ids"]), self.settings["stat"]
        text = (
            f"id:{message_id} sub:001 dlvrd:001 submit date:2611240800 done date:2611240801"
            f" stat:{stat} err:000 text:"
        )
        tlvs = []
        if self.settings["tlvs"]:
            tlvs = [
                smpp34.Tlv(smpp34.TLV_RECEIPTED_MESSAGE_ID, message_id.encode() + b"\0"),
                smpp34.Tlv(smpp34.TLV_MESSAGE_STATE, bytes([STATES[stat]])),
            ]
        if self.settings["echo_reference"]:
            tlvs += [t for t in event.tlvs if t.tag == smpp34.TLV_USER_MESSAGE_REFERENCE]
        return {
            "source_addr": event.destination_addr, "destination_addr": event.source_addr,
            "short_message": text.encode(), "esm_class": 4, "tlvs": tlvs,
        }  # fmt: skip

    async def deliver(self, values: dict[str, Any]) -> None:
        while True:
            session = next((one for one in self._bound.values() if one.can_receive), None)
            if session is not None:
                with contextlib.suppress(smpp34.SmppError, OSError, RuntimeError):
                    answer = await session.deliver_sm(**values)
                    self.note("delivered", to=values["source_addr"], status=answer.command_status)
                    if answer.is_success:
                        return
            await asyncio.sleep(0.2)

    def obey(self, command: dict[str, Any]) -> None:
        self.script += command.get("next", [])
        self.settings |= command.get("set", {})
        if "deliver" in command:
            given = command["deliver"]
            tlvs = given.get("tlvs", {}).items()
            values = {
                "source_addr": given["from"],
                "destination_addr": given["to"],
                "short_message": bytes.fromhex(given.get("hex", "")),
                "data_coding": given.get("data_coding", 0),
                "esm_class": given.get("esm_class", 0),
                "tlvs": [smpp34.Tlv(int(tag, 16), bytes.fromhex(value)) for tag, value in tlvs],
            }
            self.run(self.deliver(values))


def written(number: int, form: str) -> str:
    forms = {"hex": f"{number:x}", "HEX": f"{number:X}", "decimal": f"{number}"}
    return forms.get(form, f"{number:020d}")


def shown(event: smpp34.SubmitSmEvent) -> dict[str, Any]:
    tlvs = {tlv.tag: tlv.value for tlv in event.tlvs}
    content = event.short_message or tlvs.get(smpp34.TLV_MESSAGE_PAYLOAD, b"")
    part = None
    if event.esm_class & UDHI:
        header, content = content[1 : 1 + content[0]], content[1 + content[0] :]
        part = [int.from_bytes(header[2:-2]), header[-2], header[-1]]
    elif smpp34.TLV_SAR_TOTAL_SEGMENTS in tlvs:
        tags = (0x020C, 0x020E, 0x020F)
        part = [int.from_bytes(tlvs[tag]) for tag in tags]
    text = content.decode("utf-16-be" if event.data_coding == 8 else "ascii", "replace")
    return {
        "from": event.source_addr, "to": event.destination_addr, "text": text, "part": part,
        "data_coding": event.data_coding,
    }  # fmt: skip


async def main() -> None:
    port, record = int(sys.argv[1]), Path(sys.argv[2])
    smsc = Smsc(record)
    server = smpp34.Server("127.0.0.1", port)
    await server.start()
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    print(f"ready 127.0.0.1:{port}", flush=True)

    async def listen() -> None:
        while line := await reader.readline():
            smsc.obey(json.loads(line))

    smsc.run(listen())
    while True:
        smsc.heard(await server.next())


if __name__ == "__main__":
    asyncio.run(main())
