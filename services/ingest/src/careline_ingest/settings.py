"""Settings of ingest, over those that every service has."""

from pathlib import Path

from pydantic import Field

from careline_common.settings import ServiceSettings


class IngestSettings(ServiceSettings):
    migrate_on_start: bool = Field(
        default=True, description="bring the database to this version when the service starts"
    )
    ingest_dir: Path = Field(
        default=Path(".careline/ingest"), description="where files wait until they are read"
    )
    ingest_max_file: int = Field(
        default=1 << 30, ge=1, description="bytes of the largest file that is taken"
    )
    ingest_poll_s: float = Field(
        default=2.0, gt=0, description="how often drop folders are looked at"
    )
    ingest_settle_s: float = Field(
        default=0.5, gt=0, description="between the two looks of a run that was asked for by hand"
    )
    ingest_fetch_s: float = Field(
        default=60.0, gt=0, description="from one fetch to the next of sources that say nothing"
    )
    ingest_retry_s: float = Field(
        default=30.0, gt=0, description="after the first failed fetch; then twice as long each time"
    )
    ingest_lease_s: float = Field(
        default=30.0, gt=0, description="after a process dies, until another fetches its sources"
    )
    ingest_workers: int = Field(default=2, ge=1, le=16, description="files read at the same time")
    ingest_batch_rows: int = Field(
        default=5000, ge=1, le=5000, description="rows in one transaction"
    )
    ingest_rows_per_s: float | None = Field(
        default=None,
        gt=0,
        description="rows a second over all sources that one process reads; none: as fast as it can",
    )
    ingest_alone_bytes: int = Field(
        default=4 << 20, ge=0, description="a larger file is read by a process of its own"
    )
    keys_file: Path | None = Field(
        default=None,
        description="keys that seal raw files in the archive (careline keys rotate); none: no archive",
    )
    ingest_archive_days: float = Field(
        default=90.0, gt=0, description="how long raw files are kept, sealed"
    )
    ingest_keep_failed_s: float = Field(
        default=14 * 86400.0, gt=0, description="how long the file of a failed run can be replayed"
    )
