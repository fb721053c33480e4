"""Mail servers: real ones, and those in memory that are shipped."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from mail.dovecot import Dovecot, private_dovecot
from mail.post import BOX, Post, Servers
from mail.smtpd import Smtpd, private_smtpd

from careline_common.clock import ManualClock
from careline_common.testing.components import require
from careline_common.testing.ports import Ports
from careline_tickets.settings import TicketsSettings


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def dovecot(project_folder: Path, ports: Ports) -> AsyncIterator[Dovecot]:
    async with private_dovecot(require("dovecot", project_folder), ports.take()) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="session")
async def smtpd(ports: Ports) -> AsyncIterator[Smtpd]:
    async with private_smtpd(ports.take()) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="session")
async def post(
    tickets_settings: TicketsSettings, manual_clock: ManualClock, run_desk: Any
) -> AsyncIterator[Post]:
    servers = Servers()
    settings = tickets_settings.model_copy(update={"mail_look_s": 0.01})
    async with run_desk(settings, manual_clock, mail_servers=servers) as desk:
        applied = await desk.person("admin").put("config", {"careline": 1, "mailboxes": [BOX]})
        assert applied.status_code == 200, applied.text
        yield Post(desk, servers)


pytestmark = pytest.mark.integration
