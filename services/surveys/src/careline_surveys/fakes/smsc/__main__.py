"""The fake SMSC as a process: commands come as JSON lines on stdin."""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import stat
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

from careline_surveys.fakes.smsc.behaviour import FAULTS, Behaviour
from careline_surveys.fakes.smsc.record import Record
from careline_surveys.fakes.smsc.server import FakeSmsc, delivery_of

EXAMPLES = f"""
examples:
  an SMSC at port 2775 that writes down what it gets:
    python -m careline_surveys.fakes.smsc --port 2775 --record sms.jsonl
  ids in hex in the answer and in decimal in the receipt, which comes first:
    … --set response_ids=hex --set receipt_ids=decimal --set receipts=before
  one message in a hundred throttled, one in a thousand recorded and never answered:
    … --chance throttle=0.01 --chance silence=0.001
  for `careline apply`:
    sms: [{{id: s1, kind: smpp, host: 127.0.0.1, port: 2775, system_id: careline, password: secret}}]

commands on stdin, one JSON object a line:
  {{"next": ["throttle", "drop_after"]}}            faults of the next messages: {", ".join(FAULTS)}
  {{"set": {{"stat": "UNDELIV", "receipts": "none"}}}}  settings: {", ".join(f.name for f in fields(Behaviour))}
  {{"reply": {{"from": "79031234567", "to": "1420", "text": "5"}}}}   a patient writes ("order": [2, 1] for parts)
  {{"deliver": {{"from": "…", "to": "…", "hex": "…", "data_coding": 8, "esm_class": 0, "tlvs": {{}}}}}}   raw
  {{"lose_answers": 1}}   the next deliver_sm_resp is not heard     {{"drop": true}}   {{"unbind": true}}

settings of --set are JSON where they are not words; times are in seconds.
"""


def _pair(text: str) -> tuple[str, Any]:
    name, _, value = text.partition("=")
    with contextlib.suppress(ValueError):
        return name, json.loads(value)
    return name, value


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m careline_surveys.fakes.smsc",
        description="A small SMSC (SMPP 3.4) for trials: it sends nothing to anybody.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=2775)
    parser.add_argument("--system-id", default="careline")
    parser.add_argument("--password", default="secret")
    parser.add_argument("--record", type=Path, help="append what happens to this file, JSON lines")
    parser.add_argument("--commands", type=Path, help="commands to obey at once, JSON lines")
    parser.add_argument("--set", type=_pair, action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--chance", type=_pair, action="append", default=[], metavar="FAULT=0..1")
    return parser.parse_args()


def change(behaviour: Behaviour, values: dict[str, Any]) -> None:
    """Sets what is named; raises ValueError for a name that is none."""
    known = {each.name for each in fields(Behaviour)}
    for name, value in values.items():
        if name not in known:
            raise ValueError(f"no setting {name!r}: there are {', '.join(sorted(known))}")
        setattr(behaviour, name, value)


def obey(smsc: FakeSmsc, command: dict[str, Any]) -> None:
    """Does what one line of stdin says. Raises ValueError."""
    known: dict[str, Callable[[Any], None]] = {
        "next": smsc.behaviour.script,
        "set": lambda values: change(smsc.behaviour, values),
        "reply": lambda values: smsc.reply(
            values["from"], values["to"], values["text"], order=values.get("order", ())
        ),
        "deliver": lambda values: smsc.deliver(delivery_of(values)),
        "lose_answers": smsc.lose_answers,
        "drop": lambda _: smsc.drop(),
        "unbind": lambda _: smsc.unbind(),
    }
    for name, value in command.items():
        if name not in known:
            raise ValueError(f"no command {name!r}: there are {', '.join(known)}")
        known[name](value)


async def _listen(smsc: FakeSmsc) -> None:
    mode = os.fstat(sys.stdin.fileno()).st_mode
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or sys.stdin.isatty()):
        return  # nobody is there to command
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        try:
            obey(smsc, json.loads(line))
        except (ValueError, KeyError) as error:
            sys.stderr.write(f"smsc: {error}\n")


async def _serve(arguments: argparse.Namespace) -> None:
    behaviour = Behaviour()
    change(behaviour, dict(arguments.set) | {"chances": dict(arguments.chance)})
    smsc = FakeSmsc(
        behaviour,
        Record(arguments.record),
        system_id=arguments.system_id,
        password=arguments.password,
        host=arguments.host,
        port=arguments.port,
    )
    await smsc.open()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    sys.stdout.write(f"ready {smsc.host}:{smsc.port}\n")
    sys.stdout.flush()
    if arguments.commands is not None:
        for line in arguments.commands.read_text().splitlines():
            obey(smsc, json.loads(line))
    listening = asyncio.create_task(_listen(smsc))
    await stop.wait()
    listening.cancel()
    await smsc.close()
    smsc.record.close()


if __name__ == "__main__":
    asyncio.run(_serve(_arguments()))
