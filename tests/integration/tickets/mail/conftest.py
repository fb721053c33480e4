"""Mail servers: real ones, and those in memory that are shipped."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from mail.dovecot import Dovecot, private_dovecot
from mail.smtpd import Smtpd, private_smtpd

from careline_common.testing.components import require
from careline_common.testing.ports import Ports


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def dovecot(project_folder: Path, ports: Ports) -> AsyncIterator[Dovecot]:
    async with private_dovecot(require("dovecot", project_folder), ports.take()) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="session")
async def smtpd(ports: Ports) -> AsyncIterator[Smtpd]:
    async with private_smtpd(ports.take()) as server:
        yield server


pytestmark = pytest.mark.integration
