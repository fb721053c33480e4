"""Surveys over real PostgreSQL, against three SMSCs that share no code of ours but the shipped fake."""

import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from smscs import KINDS, SmscProcess, smsc_process

from careline_common.testing.ports import Ports

NewSmsc = Callable[[str], SmscProcess]


@pytest.fixture
def new_smsc(project_folder: Path, run_folder: Path, ports: Ports) -> "NewSmsc":
    """An SMSC of a kind, not started; the test stops it."""

    def made(kind: str) -> SmscProcess:
        folder = Path(tempfile.mkdtemp(prefix="smsc-", dir=run_folder))
        return smsc_process(kind, port=ports.take(), folder=folder, project=project_folder)

    return made


@pytest_asyncio.fixture(loop_scope="session", params=KINDS)
async def smsc(request: pytest.FixtureRequest, new_smsc: NewSmsc) -> AsyncIterator[SmscProcess]:
    """Each of the three SMSCs in turn."""
    made = new_smsc(request.param)
    await made.start()
    yield made
    made.kill()


@pytest_asyncio.fixture(loop_scope="session")
async def fake(new_smsc: NewSmsc) -> AsyncIterator[SmscProcess]:
    """The shipped fake, for what only it can do."""
    made = new_smsc("fake")
    await made.start()
    yield made
    made.kill()
