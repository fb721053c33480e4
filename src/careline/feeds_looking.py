"""What `careline ingest suggest` and `preview` show."""

import re
import tempfile
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from careline.configuration import ConfigurationError, Document, read
from careline.datadir import CannotError
from careline_common.clock import SystemClock
from careline_common.config import Configuration, Entry
from careline_common.ids import UuidIds
from careline_ingest.adapters.archives import ArchiveRefusedError, is_archive, unpack
from careline_ingest.adapters.parsers import LibraryParsers
from careline_ingest.adapters.spool import Spool
from careline_ingest.config import SECTIONS, SourceEntry, feed_spec
from careline_ingest.domain.faults import UnreadableFileError
from careline_ingest.previewing import LOOKED_AT, Preview, preview
from careline_ingest.unknown_files import look, suggested

LARGEST = 1 << 30
NEEDED = "external_id"


def suggest_source(file: Path, region: str) -> str:
    """A `sources` section, with what each column is known by and those that nothing is taken from."""
    with tempfile.TemporaryDirectory(prefix="careline-") as folder:
        try:
            unknown = look(_inside(file, Path(folder)))
        except (UnreadableFileError, OSError, ValueError) as error:
            raise CannotError(f"{file}: {_reason(error)}") from None
    found = suggested(unknown, LibraryParsers(), region=region)
    entry: dict[str, Any] = {
        "id": file.stem.lower().replace(" ", "-"),
        "record": "appeal",
        "kind": "push",
        **unknown.settings,
        **({"region": region} if region != "RU" else {}),
    }
    mapped = {each.column for each in found}
    lines = ["careline: 1", "sources:", *_indented(entry), "    map:"]
    lines += [f"      {each.target}: {_quoted(each.column)}  # by {each.why}" for each in found]
    if NEEDED not in {each.target for each in found}:
        lines.append(
            f"      # {NEEDED}: name here the column with the partner's own number of an appeal"
        )
    unused = [name for name in unknown.header if name and name not in mapped]
    if unused:
        lines.append(f"    # not used: {', '.join(map(_quoted, unused))}")
    return "\n".join(lines) + "\n"


def _indented(entry: dict[str, Any]) -> list[str]:
    lines = [f"{name}: {_said(value)}" for name, value in entry.items()]
    return [f"  - {lines[0]}", *(f"    {line}" for line in lines[1:])]


def _said(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_said, value))}]"
    return value if re.fullmatch(r"[A-Za-z][\w.-]*", value) else _quoted(value)


def _quoted(text: str) -> str:
    dumped: str = yaml.safe_dump(text, allow_unicode=True, width=10_000, default_style='"')
    return dumped.strip()


def show_preview(file: Path, config: Path, source_id: str, rows: int) -> None:
    """Prints how the file would be read. Raises `CannotError`."""
    spec = feed_spec(*_configured(config, source_id))
    with tempfile.TemporaryDirectory(prefix="careline-") as folder:
        try:
            path = _inside(file, Path(folder))
            found = preview(path, spec, now=SystemClock().now(), shown=rows)
        except (UnreadableFileError, OSError) as error:
            raise CannotError(f"{file}: {_reason(error)}") from None
    _show(found)


def _configured(config: Path, source_id: str) -> tuple[SourceEntry, Configuration]:
    """The source as a configuration file has it, with the entries that its rows may name."""
    document = read(config)
    entries = []
    for section in SECTIONS:
        for place, said in enumerate(document.sections.get(section.name) or []):
            if section.name == "sources" and said.get("id") != source_id:
                continue
            try:
                value = section.model.model_validate(said)
            except ValidationError as error:
                raise _not_valid(document, f"{section.name}[{place}]", error) from None
            entries.append(Entry(section=section.name, id=said["id"], value=value, version=1))
    configuration = Configuration(entries)
    source = configuration.get("sources", source_id, SourceEntry)
    if source is None:
        raise CannotError(f"{config} has no source {source_id!r}")
    return source, configuration


def _not_valid(document: Document, path: str, error: ValidationError) -> ConfigurationError:
    first = error.errors()[0]
    place = ".".join([path, *map(str, first["loc"])])
    return ConfigurationError(document.file, [document.finding(place, first["msg"])])


def _inside(file: Path, folder: Path) -> Path:
    """The file, or the first of those in an archive."""
    if not is_archive(file):
        return file
    spool = Spool(folder)
    stored = spool.copy(file, name="archive", limit=LARGEST)
    try:
        return unpack(spool, stored, new_name=UuidIds().new, limit=LARGEST)[0][1].path
    except ArchiveRefusedError as error:
        raise CannotError(f"{file}: {error}") from None


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return str(error).splitlines()[0]


def _show(found: Preview) -> None:
    console = Console()
    columns = Table("target", "column")
    for target, name in found.columns.items():
        columns.add_row(target, escape(name) if name else "[dim]by the row, or its default[/dim]")
    console.print(f"encoding: {found.encoding or 'a spreadsheet'}", columns)
    if found.unused:
        console.print(escape(f"not used: {', '.join(found.unused)}"))
    table = Table("row", "result")
    for row in found.rows:
        if row.fault is not None:
            where = row.fault.field or "row"
            table.add_row(str(row.row), f"[red]{where}: {escape(row.fault.text)}[/red]")
        else:
            said = "; ".join(f"{name}={value}" for name, value in (row.fields or {}).items())
            table.add_row(str(row.row), escape(said))
    console.print(table)
    console.print(f"{found.good} of {found.tried} rows are good (at most {LOOKED_AT} are tried)")
    for (where, code), times in found.faults.most_common():
        console.print(f"{times} × {where}: {code}")
