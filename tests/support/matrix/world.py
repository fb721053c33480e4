"""Careline in one of its forms with everybody around it, and a proxy in every connection.

The driver, the services, their database, their broker and the partners reach each other through
proxies only, so that each of them can be cut off from all others at once.
"""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from story.crm import Crm, crm

from careline_common.http.issuer import LocalIssuer
from careline_common.postgres import PostgresLauncher
from careline_common.testing.asterisk import Asterisk, private_asterisk
from careline_common.testing.components import require
from careline_common.testing.ports import Ports
from careline_common.testing.processes import CarelineProcess, Processes, careline_processes
from careline_common.testing.proxy import Proxy, proxied
from careline_common.testing.rabbit import private_node
from careline_common.testing.sipp import Phones, phones_around
from matrix import pids
from matrix.partners import Carrier, Insurer, Partner
from matrix.plan import SERVICES, Form, Victim

NAMES = tuple(sorted(SERVICES))

QUICK = {
    "CARELINE_INGEST_RETRY_S": "0.3",
    "CARELINE_INGEST_LEASE_S": "2",
    "CARELINE_INGEST_BATCH_ROWS": "5",
    "CARELINE_SMS_DEADLINE_S": "2",
    "CARELINE_SMS_LEASE_S": "6",
    "CARELINE_SMS_POLL_S": "0.5",
}
"""Shorter waits than a centre wants, so that what they lead to comes within a story."""


@dataclass(frozen=True, slots=True)
class Target:
    """Something that can be broken: its processes, and the connections that touch it."""

    kill: Callable[[], Awaitable[None]]
    """kill -9, and a start after it as an orchestrator would."""
    pids: Callable[[], list[int]]
    links: list[Proxy] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Outside:
    """Who is there in either form. Each keeps a record of its own."""

    crm: Crm
    carrier: Carrier
    insurer: Insurer
    asterisk: Asterisk
    phones: Phones
    ari_port: int


@dataclass(frozen=True, slots=True)
class World:
    """A running form. `urls` are the bases by service, as the driver reaches them."""

    form: Form
    folder: Path
    issuer: LocalIssuer
    urls: Mapping[str, str]
    targets: Mapping[Victim, Target]
    outside: Outside
    command: Mapping[str, str]
    """The environment in which a `careline` command finds this form."""


async def _proxy_to(stack: AsyncExitStack, port: Callable[[], int]) -> Proxy:
    """A proxy in front of a port of this machine."""
    proxy = Proxy(lambda: asyncio.open_connection("127.0.0.1", port()))
    await proxy.open()
    stack.push_async_callback(proxy.close)
    return proxy


def _killed_and_started(
    process: CarelineProcess | Partner | Asterisk,
) -> Callable[[], Awaitable[None]]:
    async def kill() -> None:
        await process.kill()
        await process.start()

    return kill


async def _partner(stack: AsyncExitStack, partner: Partner) -> Target:
    await partner.start()
    stack.push_async_callback(partner.kill)
    link = await _proxy_to(stack, lambda: partner.port)
    partner.reached_at = link.port
    return Target(_killed_and_started(partner), lambda: [partner.pid], [link])


async def _outside(
    stack: AsyncExitStack, folder: Path, ports: Ports, project: Path
) -> tuple[Outside, dict[Victim, Target]]:
    carrier = Carrier(folder / "carrier", ports.take())
    insurer = Insurer(folder / "insurer", ports.take())
    targets = {
        Victim.SMSC: await _partner(stack, carrier),
        Victim.SFTP: await _partner(stack, insurer),
    }
    (folder / "asterisk").mkdir()
    asterisk = await stack.enter_async_context(
        private_asterisk(
            require("asterisk", project), project / "deploy/asterisk", folder / "asterisk", ports
        )
    )
    link = await _proxy_to(stack, lambda: asterisk.http_port)
    targets[Victim.ASTERISK] = Target(_killed_and_started(asterisk), lambda: [asterisk.pid], [link])
    phones = await stack.enter_async_context(
        phones_around(asterisk, require("sipp", project), folder / "phones", ports)
    )
    customers = await stack.enter_async_context(crm({}, ports.take()))
    return Outside(customers, carrier, insurer, asterisk, phones, link.port), targets


def _links(targets: Mapping[Victim, Target], *victims: Victim) -> list[Proxy]:
    return [link for victim in victims for link in targets[victim].links]


@asynccontextmanager
async def standalone(folder: Path, ports: Ports, project: Path) -> AsyncIterator[World]:
    """`careline up` over a folder of its own."""
    async with AsyncExitStack() as stack:
        outside, targets = await _outside(stack, folder, ports, project)
        processes = await stack.enter_async_context(careline_processes(folder, ports))
        process = processes.standalone(**QUICK)
        data = processes.folder / "data-1"
        inbound = await _proxy_to(stack, lambda: process.port)
        await process.start()
        outward = _links(targets, Victim.SMSC, Victim.SFTP, Victim.ASTERISK)
        targets |= {
            Victim.CARELINE: Target(
                _killed_and_started(process), lambda: [process.pid], [inbound, *outward]
            ),
            Victim.POSTGRESQL: Target(
                kill=lambda: pids.kill_tree(pids.postmaster(data)),
                pids=lambda: pids.tree(pids.postmaster(data)),
            ),
        }
        yield World(
            form=Form.STANDALONE,
            folder=folder,
            issuer=LocalIssuer(data / "issuer.json"),
            urls={name: f"http://127.0.0.1:{inbound.port}/{name}" for name in NAMES},
            targets=targets,
            outside=outside,
            command={"CARELINE_DATA": str(data)},
        )


@asynccontextmanager
async def services(folder: Path, ports: Ports, project: Path) -> AsyncIterator[World]:
    """Four processes over a RabbitMQ and a PostgreSQL that keeps every commit."""
    async with AsyncExitStack() as stack:
        outside, targets = await _outside(stack, folder, ports, project)
        launcher = PostgresLauncher(folder / "postgres")
        database = await stack.enter_async_context(launcher.running())
        node = await stack.enter_async_context(
            private_node(require("rabbitmq", project), folder / "rabbitmq", ports)
        )
        rabbit = node.url(await node.create_vhost())
        processes = await stack.enter_async_context(careline_processes(folder, ports))
        issuer = LocalIssuer(folder / "issuer.json")
        fleet = await _fleet(stack, processes, issuer, folder, database, rabbit)
        outward = {Victim.SURVEYS: Victim.SMSC, Victim.INGEST: Victim.SFTP,
                   Victim.ROUTER: Victim.ASTERISK}  # fmt: skip
        for name, one in fleet.items():
            more = _links(targets, outward[name]) if name in outward else []
            targets[name] = Target(
                _killed_and_started(one.process), _pid_of(one.process), [*one.links, *more]
            )

        async def kill_node() -> None:
            await node.kill()
            await node.start()

        targets[Victim.RABBITMQ] = Target(
            kill_node, lambda: [node.pid], [one.to_rabbit for one in fleet.values()]
        )
        targets[Victim.POSTGRESQL] = Target(
            lambda: pids.kill_tree(_known(launcher.pid)),
            lambda: pids.tree(_known(launcher.pid)),
            [one.to_database for one in fleet.values()],
        )
        yield World(
            form=Form.SERVICES,
            folder=folder,
            issuer=issuer,
            urls={name: f"http://127.0.0.1:{one.inbound.port}" for name, one in fleet.items()},
            targets=targets,
            outside=outside,
            command={"CARELINE_DATABASE_URL": database, "CARELINE_RABBITMQ_URL": rabbit},
        )


@dataclass(frozen=True, slots=True)
class _Service:
    process: CarelineProcess
    inbound: Proxy
    to_database: Proxy
    to_rabbit: Proxy

    @property
    def links(self) -> list[Proxy]:
        return [self.inbound, self.to_database, self.to_rabbit]


async def _fleet(
    stack: AsyncExitStack, processes: Processes, issuer: LocalIssuer, folder: Path,
    database: str, rabbit: str,
) -> dict[Victim, _Service]:  # fmt: skip
    """The four services, each with its own way to each of the others, the database and the broker."""
    started: dict[Victim, CarelineProcess] = {}
    inbound = {name: await _proxy_to(stack, _port_of(started, name)) for name in NAMES}
    common = _common(folder, issuer, {name: proxy.port for name, proxy in inbound.items()})
    fleet: dict[Victim, _Service] = {}
    for name in NAMES:
        to_database, one = await stack.enter_async_context(proxied(database))
        to_rabbit, other = await stack.enter_async_context(proxied(rabbit))
        urls = {"CARELINE_DATABASE_URL": to_database, "CARELINE_RABBITMQ_URL": to_rabbit}
        started[name] = processes.service(name, **common, **urls)
        fleet[name] = _Service(started[name], inbound[name], one, other)
    await asyncio.gather(*(process.start() for process in started.values()))
    return fleet


def _port_of(started: Mapping[Victim, CarelineProcess], name: Victim) -> Callable[[], int]:
    return lambda: started[name].port


def _pid_of(process: CarelineProcess) -> Callable[[], list[int]]:
    return lambda: [process.pid]


def _known(pid: int | None) -> int:
    assert pid is not None
    return pid


def _common(folder: Path, issuer: LocalIssuer, ports: Mapping[Victim, int]) -> dict[str, str]:
    jwks = folder / "jwks.json"
    jwks.write_text(json.dumps(issuer.jwks()))
    return {
        **QUICK,
        "CARELINE_OIDC_JWKS": str(jwks),
        "CARELINE_ISSUER_FILE": str(issuer.path),
        "CARELINE_PII_KEY": secrets.token_hex(16),
        "CARELINE_INGEST_DIR": str(folder / "ingest"),
        **{
            f"CARELINE_{name.upper()}_URL": f"http://127.0.0.1:{port}"
            for name, port in ports.items()
        },
    }
