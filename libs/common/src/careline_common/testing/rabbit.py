"""A private RabbitMQ node: nothing shared with a broker that this machine may run."""

import asyncio
import itertools
import json
import os
import secrets
import signal
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from careline_common.children import exited, spawn, stop_child
from careline_common.testing.components import Component
from careline_common.testing.ports import Ports

START_PATIENCE_S = 60.0
USER = "careline"
MEMORY_BYTES = 1_000_000_000
CONFIG = """\
listeners.tcp.local = 127.0.0.1:{amqp}
load_definitions = {folder}/definitions.json
loopback_users = none
log.console = false
log.file.level = info
vm_memory_high_watermark.absolute = {memory}
disk_free_limit.absolute = 50MB
"""


class RabbitError(Exception):
    """The node does not start; the message has the end of its log."""


class RabbitServer:
    """One node, which tests may stop, kill and start again; its data stay until the run ends."""

    def __init__(self, component: Component, folder: Path, ports: Ports) -> None:
        self._component = component
        self._folder = folder
        self._amqp, self._dist, self._epmd = (ports.take() for _ in range(3))
        self._password = secrets.token_hex(12)
        self._numbers = itertools.count(1)
        self._node: subprocess.Popen[bytes] | None = None
        self._names: subprocess.Popen[bytes] | None = None
        self._write_configuration()

    @property
    def port(self) -> int:
        """Where it speaks AMQP, on 127.0.0.1; the same after a restart."""
        return self._amqp

    @property
    def pid(self) -> int:
        """The node's process."""
        assert self._node is not None, "not started"
        return self._node.pid

    def url(self, vhost: str) -> str:
        """The address of a virtual host."""
        return f"amqp://{USER}:{self._password}@127.0.0.1:{self._amqp}/{vhost}"

    async def start(self) -> None:
        """Starts the node and returns when it takes connections (1.6 s)."""
        rabbit = self._component.prefix / "usr/lib/rabbitmq/bin/rabbitmq-server"
        if self._names is None or self._names.poll() is not None:
            self._names = self._spawn([self._erlang / "bin/epmd"], signal.SIGKILL)
        self._node = self._spawn([rabbit], signal.SIGKILL)
        deadline = time.monotonic() + START_PATIENCE_S
        while not await self._answers():
            if self._node.poll() is not None or time.monotonic() > deadline:
                raise RabbitError(f"RabbitMQ does not start: {self._complaint()}")
            await asyncio.sleep(0.05)

    async def stop(self) -> None:
        """Stops the node in order."""
        if self._node:
            await stop_child(self._node, ((signal.SIGTERM, 20.0), (signal.SIGKILL, 5.0)))

    async def kill(self) -> None:
        """Kills the node, as a power cut would."""
        assert self._node is not None
        self._node.kill()
        await exited(self._node, 5.0)

    async def close(self) -> None:
        """Ends the node, whose data nobody wants any more, and the name server beside it."""
        for process in (self._node, self._names):
            if process:
                await stop_child(process, ((signal.SIGKILL, 5.0),))

    async def create_vhost(self) -> str:
        """Makes a fresh virtual host and returns its name."""
        name = f"test-{next(self._numbers)}"
        everything = ", ".join(['<<".*">>'] * 3)
        await self._evaluate(
            f'ok = rabbit_vhost:add(<<"{name}">>, <<"{USER}">>),'
            f" rabbit_auth_backend_internal:set_permissions("
            f'<<"{USER}">>, <<"{name}">>, {everything}, <<"{USER}">>).'
        )
        return name

    async def delete_vhost(self, name: str) -> None:
        """Removes a virtual host with all its queues and connections."""
        await self._evaluate(f'rabbit_vhost:delete(<<"{name}">>, <<"{USER}">>).')

    @asynccontextmanager
    async def short_of_memory(self) -> AsyncIterator[None]:
        """In the block the node is over its memory limit: it blocks every connection that publishes."""
        await self._evaluate("vm_memory_monitor:set_vm_memory_high_watermark(0.000001).")
        try:
            yield
        finally:
            limit = f"{{absolute, {MEMORY_BYTES}}}"
            await self._evaluate(f"vm_memory_monitor:set_vm_memory_high_watermark({limit}).")

    async def _evaluate(self, expression: str) -> None:
        """Runs Erlang in the node: milliseconds, where rabbitmqctl boots a machine of its own."""
        cookie = (self._folder / "home" / ".erlang.cookie").read_text()
        command = [str(self._erlang / "bin/erl_call"), "-sname", self._name, "-c", cookie, "-e"]

        def call() -> "subprocess.CompletedProcess[str]":
            return subprocess.run(  # noqa: S603
                command,
                input=f"{expression}\n",
                capture_output=True,
                text=True,
                check=False,
                env=self._environment(),
            )

        shown = await asyncio.to_thread(call)
        if "{ok, ok}" not in shown.stdout:
            raise RabbitError(f"{expression} gave {shown.stdout} {shown.stderr}")

    async def _answers(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self._amqp)
        except OSError:
            return False
        writer.close()
        return True

    @property
    def _name(self) -> str:
        return f"careline-{self._amqp}@localhost"

    @property
    def _erlang(self) -> Path:
        return self._component.prefix / "usr/lib/erlang"

    def _write_configuration(self) -> None:
        for name in ("mnesia", "log", "home"):
            (self._folder / name).mkdir(parents=True)
        cookie = self._folder / "home" / ".erlang.cookie"
        cookie.write_text(secrets.token_hex(16))
        cookie.chmod(0o400)
        (self._folder / "rabbitmq.conf").write_text(
            CONFIG.format(amqp=self._amqp, folder=self._folder, memory=MEMORY_BYTES)
        )
        (self._folder / "enabled_plugins").write_text("[].\n")
        user = {"name": USER, "password": self._password, "tags": ["administrator"]}
        definitions = {"users": [user], "vhosts": [{"name": "/"}]}
        (self._folder / "definitions.json").write_text(json.dumps(definitions))

    def _spawn(self, command: list[Path], dying: signal.Signals) -> "subprocess.Popen[bytes]":
        output = self._folder / "output.log"
        return spawn(command, log=output, dying=dying, env=self._environment())

    def _environment(self) -> dict[str, str]:
        folder = self._folder
        return {
            "PATH": f"{self._erlang}/bin:/usr/bin:/bin",
            "LC_ALL": "C.UTF-8",
            "HOME": str(folder / "home"),
            "ERL_EPMD_PORT": str(self._epmd),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            # makes the start script become the node, so that signals reach it
            "RUNNING_UNDER_SYSTEMD": "true",
            "RABBITMQ_NODENAME": self._name,
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self._amqp),
            "RABBITMQ_DIST_PORT": str(self._dist),
            "RABBITMQ_BASE": str(folder),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "absent.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "absent.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_PID_FILE": str(folder / "rabbit.pid"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "-kernel inet_dist_use_interface {127,0,0,1} +S 2:2"
            ),
        }

    def _complaint(self) -> str:
        texts = [self._folder / "output.log", self._folder / "log" / f"{self._name}.log"]
        ends = [text.read_text(errors="replace")[-1500:] for text in texts if text.exists()]
        return os.linesep.join(ends) or "no output"


@asynccontextmanager
async def private_node(
    component: Component, folder: Path, ports: Ports
) -> AsyncIterator[RabbitServer]:
    """Runs a node whose files are under `folder`."""
    server = RabbitServer(component, folder, ports)
    try:
        await server.start()
        yield server
    finally:
        await server.close()
