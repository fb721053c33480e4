"""A drop folder: what lies in it that a sender has finished writing."""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

UNFINISHED = (".part", ".partial", ".tmp", ".filepart", ".crdownload", ".swp", "~")
COMPANIONS = (".done", ".sha256", ".flk.xml", ".flk.json")


@dataclass(frozen=True, slots=True)
class Glimpse:
    """What a file looked like; one that looks the same twice is finished."""

    size: int
    mtime_ns: int
    inode: int


def is_wanted(name: str) -> bool:
    """False for hidden files, for those senders write to, and for our answers."""
    lower = name.lower()
    return not lower.startswith((".", "~$")) and not lower.endswith(UNFINISHED + COMPANIONS)


def look(folder: Path) -> Mapping[str, Glimpse]:
    """The regular files of a folder by name; raises `OSError` when it cannot be read."""
    seen: dict[str, Glimpse] = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            if not is_wanted(entry.name):
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            if stat.S_ISREG(status.st_mode):
                seen[entry.name] = Glimpse(status.st_size, status.st_mtime_ns, status.st_ino)
    return dict(sorted(seen.items(), key=lambda item: (item[1].mtime_ns, item[0])))
