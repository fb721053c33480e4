"""The `careline` command.

Exit 0: done. 1: could not; one line on standard error says why and what to do. 2: wrong usage.
"""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from careline.bench.commands import bench
from careline.configuration import ConfigurationError
from careline.datadir import CannotError, DataDir
from careline.feeds_commands import add_feed_commands
from careline.journal_commands import add_journal_commands
from careline.loop import run
from careline.sim_commands import sim

app = typer.Typer(
    name="careline",
    help="The open contact-centre backend for health insurance.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="Default: $CARELINE_DATA, else ./.careline."),
]
Urls = Annotated[
    list[str] | None,
    typer.Option("--url", help="A service's base URL instead of a standalone; once for each."),
]


def main() -> None:
    """Entry point: whatever cannot be done ends in one line and exit 1."""
    try:
        app()
    except ConfigurationError as error:
        _fail(str(error))
    except CannotError as error:
        _fail(f"careline: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


def _fail(message: str) -> None:
    sys.stderr.write(message + "\n")
    sys.exit(1)


@app.command()
def up(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free port.")] = 8080,
    data: Data = None,
    demo: Annotated[bool, typer.Option("--demo", help="A demo floor with live traffic.")] = False,
) -> None:
    """Run all four services in one process, over a private PostgreSQL.

    Prints `ready http://HOST:PORT` when all four serve; Ctrl-C stops everything.

    Examples:

        careline up --demo

        careline up --port 9000 --data /srv/careline
    """
    from careline.up import up as run_up

    run(run_up(DataDir.choose(data), host=host, port=port, demo=demo))


@app.command()
def token(
    role: Annotated[list[str] | None, typer.Option("--role", help="May be repeated.")] = None,
    subject: Annotated[str | None, typer.Option(help="Who: an agent's or user's id.")] = None,
    insurer: Annotated[str | None, typer.Option(help="The insurer a token speaks for.")] = None,
    pbx: Annotated[str | None, typer.Option(help="The PBX a token speaks for.")] = None,
    ttl: Annotated[str, typer.Option(help="How long it lives: 90s, 30m, 12h, 7d.")] = "12h",
    jwks: Annotated[bool, typer.Option("--jwks", help="Print the public keys instead.")] = False,
    data: Data = None,
) -> None:
    """Print a token of the local issuer, alone on standard output. Needs no running server.

    Examples:

        careline token --role agent --subject a1

        careline token --role supervisor --role floor --subject sup1 --ttl 8h

        careline token --role pbx --subject pbx1 --pbx pbx1
    """
    from careline.tokens import ROLES, seconds

    issuer = DataDir.choose(data).issuer()
    if jwks:
        typer.echo(json.dumps(issuer.jwks()))
        return
    if not role or not subject:
        raise typer.BadParameter("--role and --subject are needed (or --jwks)")
    unknown = sorted(set(role) - ROLES)
    if unknown:
        raise typer.BadParameter(
            f"no such role: {', '.join(unknown)}; there are {', '.join(sorted(ROLES))}"
        )
    try:
        ttl_s = seconds(ttl)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    typer.echo(issuer.token(subject=subject, roles=role, insurer=insurer, pbx=pbx, ttl_s=ttl_s))


@app.command()
def apply(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="YAML or JSON.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check only.")] = False,
    data: Data = None,
    url: Urls = None,
    token: Annotated[str | None, typer.Option(help="Admin token for --url.")] = None,
) -> None:
    """Load a configuration file: everything is checked first, then applied. A rerun is safe.

    Examples:

        careline apply floor.yaml --dry-run

        careline apply floor.yaml --url https://h/router --url https://h/tickets --token "$TOKEN"
    """
    from careline.apply_command import apply_file

    run(apply_file(file, dry_run=dry_run, data=DataDir.choose(data), urls=url or [], token=token))


@app.command()
def events(
    as_json: Annotated[
        bool, typer.Option("--json", help="As JSON, with the JSON Schema of each event's data.")
    ] = False,
) -> None:
    """Print the event catalogue: every type, who publishes it, who hears it, and its fields.

    Examples:

        careline events

        careline events --json
    """
    from careline import catalogue

    typer.echo(catalogue.as_json() if as_json else catalogue.as_text())


def _service_commands(name: str) -> typer.Typer:
    commands = typer.Typer(
        help=f"Run {name} by itself (CARELINE_DATABASE_URL, CARELINE_RABBITMQ_URL).",
        no_args_is_help=True,
    )

    @commands.command()
    def serve(
        host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
        port: Annotated[int, typer.Option(min=0, max=65535)] = 8080,
    ) -> None:
        """Serve HTTP, publish and consume events until stopped."""
        from careline.one_service import serve as run_serve

        run(run_serve(name, host=host, port=port))

    @commands.command()
    def migrate() -> None:
        """Bring this service's schema to this version."""
        from careline.one_service import migrate as run_migrate

        run(run_migrate(name))

    return commands


def _add_verify(commands: typer.Typer) -> None:
    @commands.command()
    def verify(
        seal: Annotated[
            str | None,
            typer.Option(
                metavar="HASH", help="A seal that was noted before: it must still be there."
            ),
        ] = None,
        data: Data = None,
    ) -> None:
        """Check the journal's hash chain and its seals from the first row on; exit 0 when they hold.

        It prints the last seal, to be noted outside of the database.

        Examples:

            careline tickets verify

            careline tickets verify --seal 3f1c…
        """
        from careline.verifying import verify as run_verify

        run(run_verify(DataDir.choose(data), noted=seal))


def _add_backfill(commands: typer.Typer) -> None:
    @commands.command()
    def backfill(
        source: Annotated[str, typer.Argument(help="The source's id.")],
        files: Annotated[list[Path] | None, typer.Argument(help="Files to send to it.")] = None,
        begin: Annotated[
            datetime | None, typer.Option("--from", help="Fetch the past from here, UTC, …")
        ] = None,
        end: Annotated[datetime | None, typer.Option("--to", help="… to before here.")] = None,
        step_days: Annotated[int, typer.Option(min=1, help="So much of it at once.")] = 1,
        url: Annotated[str | None, typer.Option(help="Ingest's base URL.")] = None,
        token: Annotated[str | None, typer.Option(help="An admin's token for it.")] = None,
        data: Data = None,
    ) -> None:
        """Send large files to a source, or fetch a part of its past, and show how far it is.

        Examples:

            careline ingest backfill ins7-daily 2025-*.csv

            careline ingest backfill region --from 2025-01-01 --to 2026-01-01 --step-days 7
        """
        from careline.backfilling import backfill as run_backfill
        from careline.backfilling import pieces

        first, last = (None if at is None else at.replace(tzinfo=UTC) for at in (begin, end))
        todo = pieces(files or [], first, last, timedelta(days=step_days))
        run(run_backfill(source, todo, data=DataDir.choose(data), url=url, token=token))


for _name in ("router", "tickets", "surveys", "ingest"):
    _commands = _service_commands(_name)
    if _name == "tickets":
        _add_verify(_commands)
        add_journal_commands(_commands)
    if _name == "ingest":
        _add_backfill(_commands)
        add_feed_commands(_commands)
    app.add_typer(_commands, name=_name)


person = typer.Typer(
    help="A person's data over all services: given to him, or erased.", no_args_is_help=True
)
app.add_typer(person, name="person")

Phone = Annotated[str, typer.Option("--phone", metavar="E164", help="For example +79031234567.")]
AdminToken = Annotated[str | None, typer.Option("--token", help="Admin token for --url.")]


@person.command("export")
def person_export(
    phone: Phone, data: Data = None, url: Urls = None, token: AdminToken = None
) -> None:
    """Print all that is kept of a person, as JSON by service. Every look is audited.

    Examples:

        careline person export --phone +79031234567

        careline person export --phone +79031234567 --url https://h/tickets --url https://h/surveys --token "$TOKEN"
    """
    from careline.persons import person as run_person

    run(run_person("export", phone, data=DataDir.choose(data), urls=url or [], token=token))


@person.command("erase")
def person_erase(
    phone: Phone, data: Data = None, url: Urls = None, token: AdminToken = None
) -> None:
    """Erase a person; what is kept, why and until when is told on standard error. A repeat is safe.

    What an open appeal needs goes by itself once it is closed.

    Examples:

        careline person erase --phone +79031234567
    """
    from careline.persons import person as run_person

    run(run_person("erase", phone, data=DataDir.choose(data), urls=url or [], token=token))


keys = typer.Typer(
    help="The keys that seal what lies on disks for months (CARELINE_KEYS_FILE).",
    no_args_is_help=True,
)
app.add_typer(keys, name="keys")

KeysFile = Annotated[
    Path, typer.Option("--file", envvar="CARELINE_KEYS_FILE", help="The keys file.")
]


@keys.command("rotate")
def keys_rotate(file: KeysFile) -> None:
    """Make a new key, which seals from now on, and the file itself where there is none.

    The others go on opening what they have sealed. Within hours everything is sealed by the new one;
    then an old one can be dropped. Keep a copy elsewhere: without it the archive is lost.
    """
    from careline.keyfile import rotate

    typer.echo(f"{file}: {rotate(file)} seals from now on")


@keys.command("drop")
def keys_drop(file: KeysFile, name: Annotated[str, typer.Argument(help="Such as k1.")]) -> None:
    """Drop an old key: what it alone has sealed cannot be opened any more."""
    from careline.keyfile import drop

    drop(file, name)


parked = typer.Typer(
    help="Messages that no retry could deliver: look at them, replay or drop them.",
    no_args_is_help=True,
)
app.add_typer(parked, name="parked")
app.add_typer(bench, name="bench")
app.add_typer(sim, name="sim")

ParkedIds = Annotated[list[str] | None, typer.Argument(help="Event ids; none with --all.")]
All = Annotated[bool, typer.Option("--all", help="Every parked message.")]
Consumer = Annotated[
    str | None, typer.Option(help="Only this consumer's, e.g. tickets.low-scores.")
]


@parked.command("list")
def parked_list(consumer: Consumer = None, data: Data = None) -> None:
    """List parked messages: consumer, event id, type, since when, and why."""
    from careline.parked import show

    run(show(DataDir.choose(data), consumer))


@parked.command("replay")
def parked_replay(
    ids: ParkedIds = None, every: All = False, consumer: Consumer = None, data: Data = None
) -> None:
    """Hand parked messages to their consumers once more."""
    from careline.parked import replay

    _need_ids(ids, every)
    run(replay(DataDir.choose(data), consumer, ids))


@parked.command("drop")
def parked_drop(
    ids: ParkedIds = None, every: All = False, consumer: Consumer = None, data: Data = None
) -> None:
    """Give parked messages up for good."""
    from careline.parked import drop

    _need_ids(ids, every)
    run(drop(DataDir.choose(data), consumer, ids))


def _need_ids(ids: list[str] | None, every: bool) -> None:
    if bool(ids) == every:
        raise typer.BadParameter("name event ids, or say --all")
