"""An SMS never twice: the real surveys process, killed, frozen and cut off while it sends.

    .venv/bin/python -m benchmarks.sms_never_twice --tries 10000

The SMSC is a process of its own with a record of its own; every try has a number of its own, so a
message that went out twice stands there twice. Writes benchmarks/results/sms_never_twice.json and
ends with 1 when anything is not as it should be.
"""

import argparse
import asyncio
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from rich.progress import Progress

from careline_common.children import exited, spawn
from careline_common.clock import SystemClock
from careline_common.http.issuer import LocalIssuer
from careline_common.observability.pii import PiiHasher
from careline_common.testing.http import bearer
from careline_common.testing.ports import Ports
from careline_common.testing.postgres import PostgresServer, private_server
from careline_common.testing.processes import CarelineProcess, careline_processes
from careline_common.testing.proxy import Proxy
from careline_common.testing.waiting import eventually

RESULTS = Path(__file__).parent / "results" / "sms_never_twice.json"
WINDOW = 20
LEASE_S = 4
PATIENCE_S = 120.0
PII_KEY = "a key of trials"
CHANCES = {
    "throttle": 0.01, "refuse": 0.003, "silence": 0.002, "lose": 0.002, "drop_after": 0.001,
    "drop_before": 0.001,
}  # fmt: skip
SURVEY = {
    "key": "call",
    "questions": [{"id": "csi", "kind": "csi"}],
    "texts": {"ru": "Оцените звонок от 1 до 5"},
}
COPIES = (
    """
    INSERT INTO surveys.invitation
    SELECT (jsonb_populate_record(i, jsonb_build_object(
        'id', 'invitation-' || n, 'person_id', 'person-' || n, 'reference_id', 'try-' || n))).*
    FROM surveys.invitation i, generate_series(1, $1::int) n WHERE i.reference_id = 'try-0'""",
    """
    INSERT INTO surveys.message
    SELECT (jsonb_populate_record(m, jsonb_build_object('id', 'message-' || n,
        'person_id', 'person-' || n, 'invitation_id', 'invitation-' || n))).*
    FROM surveys.message m, generate_series(1, $1::int) n WHERE m.id NOT LIKE 'message-%'""",
)
"""All tries but the first, with everything of the first but its person and reference."""


class Smsc:
    """The shipped fake as a process; killed and started again it goes on with its record."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self.restarts = 0
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self, **chances: float) -> None:
        arguments = [f"--chance={fault}={chance}" for fault, chance in chances.items()]
        arguments += ["--set=echo_reference=false", "--set=receipt_spread_s=1.0"]
        arguments += [f"--set=seed={self.restarts}"]
        log = self._folder / "smsc.log"
        seen = log.stat().st_size if log.exists() else 0
        self._process = spawn(
            [
                sys.executable, "-m", "careline_surveys.fakes.smsc", "--port", str(self.port),
                "--record", self._folder / "record.jsonl", *arguments,
            ],
            log=log,
            env={"PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        await eventually(lambda: "ready" in log.read_text()[seen:], what="the SMSC")

    async def kill(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        await exited(self._process, 5.0)
        self.restarts += 1

    def lines(self) -> int:
        """How long its record is; each message makes two lines, its sending and its receipt."""
        path = self._folder / "record.jsonl"
        return path.read_bytes().count(b"\n") if path.exists() else 0

    def record(self) -> list[dict[str, Any]]:
        path = self._folder / "record.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line) for line in lines if line.endswith("}")]


@dataclass
class Trial:
    """One run: everything that is running, and what has been done to it."""

    tries: int
    surveys: CarelineProcess
    smsc: Smsc
    proxy: Proxy
    database: asyncpg.Pool
    headers: dict[str, str]
    chance: random.Random
    troubles: Counter[str] = field(default_factory=Counter)
    in_flight_at_kills: int = 0

    async def states(self) -> Counter[str]:
        rows = await self.database.fetch(
            "SELECT state, count(*) AS n FROM surveys.message GROUP BY state"
        )
        return Counter({row["state"]: row["n"] for row in rows})

    async def configure(self) -> None:
        entry = {
            "id": "s1", "kind": "smpp", "host": "127.0.0.1", "port": self.proxy.port,
            "system_id": "careline", "password": "secret", "window": WINDOW,
            "response_timeout_s": 1.5, "enquire_link_s": 1.0, "failover_s": 3600,
        }  # fmt: skip
        async with httpx.AsyncClient(base_url=self.surveys.url, headers=self.headers) as http:
            answer = await http.put("/v1/config", json={"surveys": [SURVEY], "sms": [entry]})
            answer.raise_for_status()

    async def fill(self) -> None:
        """Lets surveys make the first invitation, and copies its rows for all other tries."""
        async with httpx.AsyncClient(base_url=self.surveys.url, headers=self.headers) as http:
            body = {
                "service": "call", "phone": f"+{_number(0)}", "language": "ru",
                "reference": {"type": "call", "id": "try-0"},
            }  # fmt: skip
            (await http.post("/v1/invitations", json=body)).raise_for_status()
        hasher, now = PiiHasher(PII_KEY), SystemClock().now()
        people = [
            (f"person-{n}", hasher.lookup(f"+{_number(n)}"), f"+{_number(n)}", now)
            for n in range(1, self.tries)
        ]
        async with self.database.acquire() as connection, connection.transaction():
            await connection.copy_records_to_table("person", schema_name="surveys", records=people)
            for statement in COPIES:
                await connection.execute(statement, self.tries - 1)

    async def trouble(self) -> None:
        """Something bad after every few dozen messages, until cancelled."""
        bad: list[Callable[[], Awaitable[None]]] = [
            self.kill, self.kill, self._freeze, self._reset, self._reset, self._hole,
            self._deaf, self._restart_smsc,
        ]  # fmt: skip
        while True:
            goal = self.smsc.lines() + self.chance.randint(1, 2 * max(60, self.tries // 50))
            while self.smsc.lines() < goal:  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(self.chance.uniform(0.0, 0.3))
            await self.chance.choice(bad)()

    async def kill(self) -> None:
        await self.surveys.kill()
        self.troubles["kill -9"] += 1
        self.in_flight_at_kills += (await self.states())["sending"]
        await self.surveys.start()

    async def _freeze(self) -> None:
        await self.surveys.freeze()
        await asyncio.sleep(self.chance.uniform(0.5, 2.0))
        await self.surveys.thaw()
        self.troubles["SIGSTOP"] += 1

    async def _reset(self) -> None:
        self.proxy.reset()
        self.troubles["reset"] += 1

    async def _hole(self) -> None:
        self.proxy.swallow()
        await asyncio.sleep(self.chance.uniform(1.0, 4.0))
        self.proxy.pass_on()
        self.troubles["black hole"] += 1

    async def _deaf(self) -> None:
        self.proxy.swallow_answers()
        await asyncio.sleep(self.chance.uniform(1.0, 3.0))
        self.proxy.pass_on()
        self.troubles["answers lost"] += 1

    async def _restart_smsc(self) -> None:
        await self.smsc.kill()
        await asyncio.sleep(self.chance.uniform(0.0, 1.0))
        await self.smsc.start(**CHANCES)
        self.troubles["SMSC restart"] += 1

    async def settle(self) -> None:
        """Waits until nothing waits and nothing is in hand."""

        async def over() -> bool:
            states = await self.states()
            return states["queued"] == 0 and states["sending"] == 0

        await eventually(over, within_s=PATIENCE_S, what="every message to come to its end")

    async def late_receipts(self) -> int:
        """Plays the receipts that never came, for what the SMSC has; returns how many."""
        rows = await self.database.fetch(
            "SELECT p.number FROM surveys.message m JOIN surveys.person p ON p.id = m.person_id"
            " WHERE m.state = 'unknown'"
        )
        unknown = {row["number"].removeprefix("+") for row in rows}
        had = [each for each in self.smsc.record() if each["event"] == "submit_sm"]
        due = [each for each in had if each["to"] in unknown]
        folder = Path(tempfile.mkdtemp())
        script = folder / "late.jsonl"
        script.write_text("".join(json.dumps({"deliver": _receipt(each)}) + "\n" for each in due))
        await self.smsc.kill()
        await self._play(script)

        async def closed() -> bool:
            return (await self.states())["unknown"] == len(unknown) - len(due)

        await eventually(closed, within_s=PATIENCE_S, what="late receipts to close unknown ones")
        return len(due)

    async def _play(self, script: Path) -> None:
        command = [sys.executable, "-m", "careline_surveys.fakes.smsc", "--port",
                   str(self.smsc.port), "--commands", str(script)]  # fmt: skip
        self.smsc._process = spawn(command, log=script.with_suffix(".log"), env={})  # noqa: SLF001


def _receipt(entry: dict[str, Any]) -> dict[str, Any]:
    text = f"id:{entry['message_id']} sub:001 dlvrd:001 stat:DELIVRD err:000 text:"
    return {"from": entry["to"], "to": entry["from"], "esm_class": 4, "hex": text.encode().hex()}


def _number(number: int) -> str:
    return f"7903{number:07}"


async def run(tries: int, seed: int, folder: Path) -> dict[str, Any]:
    """Runs the trial and returns its figures; `faults` lists what is not as it should be."""
    began = time.monotonic()
    async with AsyncExitStack() as stack:
        postgres = await stack.enter_async_context(private_server(folder / "postgres"))
        ports = Ports()
        stack.callback(ports.close)
        trial = await _started(stack, postgres, ports, folder, tries=tries, seed=seed)
        stack.push_async_callback(trial.smsc.kill)
        await trial.fill()
        sending = time.monotonic()
        await trial.smsc.start(**CHANCES)
        troubles = asyncio.create_task(trial.trouble())
        await _watched(trial)
        troubles.cancel()
        await asyncio.gather(troubles, return_exceptions=True)
        await _calm(trial)
        await trial.settle()
        sent_s = time.monotonic() - sending
        return await _figures(trial, seed, began, sent_s)


async def _watched(trial: Trial) -> None:
    """Shows how far it is until every message has been taken in hand once."""
    with Progress(transient=True) as progress:
        bar = progress.add_task("messages", total=trial.tries)
        while (states := await trial.states())["queued"]:
            progress.update(bar, completed=trial.tries - states["queued"])
            await asyncio.sleep(0.5)


async def _calm(trial: Trial) -> None:
    """Ends whatever the last trouble left half done."""
    trial.proxy.pass_on()
    await trial.smsc.kill()
    await trial.smsc.start()
    await trial.kill()


async def _started(
    stack: AsyncExitStack,
    postgres: PostgresServer,
    ports: Ports,
    folder: Path,
    *,
    tries: int,
    seed: int,
) -> Trial:
    url = postgres.url(await postgres.create())
    issuer = LocalIssuer(folder / "issuer.json")
    headers = bearer(issuer.token(subject="root", roles=["admin"], ttl_s=86_400))
    processes = await stack.enter_async_context(careline_processes(folder, ports))
    surveys = processes.service(
        "surveys",
        CARELINE_DATABASE_URL=url,
        CARELINE_ISSUER_FILE=str(issuer.path),
        CARELINE_PII_KEY=PII_KEY,
        CARELINE_SMS_LEASE_S=str(LEASE_S),
        CARELINE_LOG_LEVEL="WARNING",
    )
    smsc = Smsc(folder, ports.take())
    proxy = Proxy(lambda: asyncio.open_connection("127.0.0.1", smsc.port))
    await proxy.open()
    stack.push_async_callback(proxy.close)
    await surveys.start()
    database = await stack.enter_async_context(asyncpg.create_pool(url, min_size=1, max_size=2))
    trial = Trial(tries, surveys, smsc, proxy, database, headers, random.Random(seed))  # noqa: S311
    await trial.configure()
    return trial


async def _figures(trial: Trial, seed: int, began: float, sent_s: float) -> dict[str, Any]:
    before = await trial.states()
    by_receipt = await trial.database.fetchval(
        "SELECT count(*) FROM surveys.message"
        " WHERE state = 'delivered' AND provider_message_id IS NULL"
    )
    closed_late = await trial.late_receipts()
    after = await trial.states()
    record = trial.smsc.record()
    had = Counter(each["to"] for each in record if each["event"] == "submit_sm")
    faults = Counter(each.get("fault") for each in record)
    rows = await trial.database.fetch(
        "SELECT p.number, m.state FROM surveys.message m JOIN surveys.person p ON p.id = m.person_id"
    )
    state_of = {row["number"].removeprefix("+"): row["state"] for row in rows}
    sent = before["accepted"] + before["delivered"]
    figures: dict[str, Any] = {
        "tries": trial.tries,
        "doubled": sum(count > 1 for count in had.values()),
        "sent": sent,
        "unknown": before["unknown"],
        "refused": before["failed"],
        "unknown_closed_by_a_receipt_on_the_way": by_receipt,
        "unknown_closed_by_late_receipts": closed_late,
        "unknown_and_never_at_the_smsc": after["unknown"],
        "in_flight_at_kills": trial.in_flight_at_kills,
        "troubles": dict(trial.troubles),
        "faults_of_the_smsc": {fault: faults[fault] for fault in CHANCES},
        "seed": seed,
        "sending_seconds": round(sent_s, 1),
        "seconds": round(time.monotonic() - began, 1),
        "date": SystemClock().now().isoformat(timespec="seconds"),
    }
    ever_unknown = before["unknown"] + by_receipt
    checks = {
        "a message went out twice": figures["doubled"] == 0,
        "sent + unknown + refused is not tries": sent + before["unknown"] + before["failed"]
        == trial.tries
        == len(state_of),
        "more unknown than can have been in flight": ever_unknown <= _in_flight(trial, faults),
        "counted as sent, and not at the SMSC": all(
            had[number] == 1
            for number, state in state_of.items()
            if state in {"accepted", "delivered"}
        ),
        "counted as refused, and at the SMSC": not any(
            had[number] for number, state in state_of.items() if state == "failed"
        ),
        "still unknown, and at the SMSC": not any(
            had[number] for number, state in state_of.items() if state == "unknown"
        ),
    }
    figures["faults"] = [fault for fault, right in checks.items() if not right]
    return figures


def _in_flight(trial: Trial, faults: Mapping[str | None, int]) -> int:
    """How many messages can have been on their way when something broke.

    At kills that is counted: the process is dead, so what it had in hand stands still. Elsewhere it
    goes on, and only the window says how much it had; while nothing comes back it may fill a second
    one before the link is given up.
    """
    troubles = trial.troubles
    whole = sum(troubles[each] for each in ("reset", "SMSC restart", "SIGSTOP"))
    whole += sum(faults[each] for each in ("drop_before", "drop_after"))
    whole += 2 * sum(troubles[each] for each in ("black hole", "answers lost"))
    whole += 3  # the last trouble, cut short and not counted, and the SMSC started anew after it
    return trial.in_flight_at_kills + WINDOW * whole + faults["silence"] + faults["lose"]


def _commit() -> str:
    found = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],  # noqa: S607
        cwd=Path(__file__).parent, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return found.stdout.strip()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--tries", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    commit = _commit()
    with tempfile.TemporaryDirectory(prefix="sms-never-twice-") as folder:
        figures = asyncio.run(run(arguments.tries, arguments.seed, Path(folder)))
    figures["commit"] = commit
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(figures, indent=2)
    arguments.out.write_text(text + "\n")
    sys.stdout.write(text + "\n")
    return 1 if figures["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())
