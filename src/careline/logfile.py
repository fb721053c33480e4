"""The standalone's log: in DIR, so that stdout and stderr are for what the command says."""

import contextlib
from collections.abc import Iterator

from careline.datadir import DataDir
from careline_common.observability.logging import configure_logging
from careline_common.settings import ServiceSettings

LONGEST_LOG_BYTES = 50 << 20


@contextlib.contextmanager
def logging_to_file(data: DataDir) -> Iterator[None]:
    """Logs to DIR's file; one that has grown large is put aside, the one before is dropped."""
    file = data.log_file
    if file.exists() and file.stat().st_size > LONGEST_LOG_BYTES:
        file.replace(file.with_suffix(".log.old"))
    settings = ServiceSettings.model_validate({"database_url": "", "pii_key": data.pii_key()})
    with file.open("a", encoding="utf-8", buffering=1) as log:
        configure_logging(settings, stream=log)
        yield
