"""`careline tickets policies|classifier|report|journal`: the journal's larger errands, each over its public API."""

from collections.abc import Callable, Coroutine
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from careline.datadir import DataDir
from careline.loop import run

if TYPE_CHECKING:
    import httpx

Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="Default: $CARELINE_DATA, else ./.careline."),
]
Url = Annotated[
    str | None, typer.Option("--url", help="The journal's base URL instead of a standalone.")
]
Token = Annotated[str | None, typer.Option("--token", help="Admin token for --url.")]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Where to; its ending says the form. Else JSON."),
]
Language = Annotated[str | None, typer.Option(help="Of a page: en, ru, fa or zh.")]


class Period(StrEnum):
    """Which report of a period."""

    WEEKLY = "weekly"
    MONTHLY = "monthly"
    OPINIONS = "opinions"


class By(StrEnum):
    """By what the journal is counted."""

    SUBJECT = "subject"
    TERRITORY = "territory"
    ORGANISATION = "organisation"
    INSURER = "insurer"
    KIND = "kind"
    CHANNEL = "channel"


def add_journal_commands(commands: typer.Typer) -> None:
    """Adds them to the commands of `careline tickets`."""
    _add_policies(commands)
    _add_classifier(commands)
    _add_reports(commands)


def _at_journal(
    place: tuple[Path | None, str | None, str | None],
    errand: "Callable[[httpx.AsyncClient], Coroutine[Any, Any, None]]",
) -> None:
    """Does an errand at the journal of a data folder, or of a URL with its token."""
    from careline.journal_errands import journal_at

    data, url, token = place

    async def work() -> None:
        async with journal_at(DataDir.choose(data), url, token) as client:
            await errand(client)

    run(work())


def _add_policies(commands: typer.Typer) -> None:
    @commands.command()
    def policies(
        apply: Annotated[
            bool, typer.Option("--apply", help="Give it to them; else it is only counted.")
        ] = False,
        data: Data = None,
        url: Url = None,
        token: Token = None,
    ) -> None:
        """Count the open appeals that were promised something else than is configured now, and with --apply give it to them.

        What was promised before stays in their history. One that broke off is started again: what was done is done.

        Examples:

            careline tickets policies

            careline tickets policies --apply
        """
        from careline.journal_errands import give_policies

        _at_journal((data, url, token), lambda client: give_policies(client, apply=apply))


def _add_classifier(commands: typer.Typer) -> None:
    @commands.command()
    def classifier(
        train: Annotated[
            bool, typer.Option("--train", help="Learn the journal anew first, at once.")
        ] = False,
        data: Data = None,
        url: Url = None,
        token: Token = None,
    ) -> None:
        """Say how well subjects are guessed: on the newest fifth of the appeals, held back, beside always the commonest one.

        Examples:

            careline tickets classifier

            careline tickets classifier --train
        """
        from careline.journal_errands import show_classifier

        _at_journal((data, url, token), lambda client: show_classifier(client, train=train))


def _add_reports(commands: typer.Typer) -> None:
    @commands.command()
    def report(
        which: Annotated[Period, typer.Argument(help="Which report.")],
        period: Annotated[
            str | None, typer.Option(help="2026-W09, 2026-02 or a day; else the last whole one.")
        ] = None,
        department: Annotated[
            str | None, typer.Option(help="Its id; else the whole journal.")
        ] = None,
        language: Language = None,
        out: Out = None,
        data: Data = None,
        url: Url = None,
        token: Token = None,
    ) -> None:
        """Write a report of a week or a month now: .json, .csv, .xlsx, or .html to print.

        Examples:

            careline tickets report weekly --out week.xlsx

            careline tickets report monthly --period 2026-02 --department care --out care.html

            careline tickets report opinions --period 2026-02
        """
        from careline.journal_errands import write_report

        name = "week" if which is Period.WEEKLY else "month"
        asked = {name: period, "department": department, "language": language}

        _at_journal(
            (data, url, token),
            lambda client: write_report(client, f"v1/reports/{which}", asked, out),
        )

    @commands.command()
    def journal(
        by: Annotated[By, typer.Option(help="What it is counted by.")] = By.SUBJECT,
        begin: Annotated[
            str | None, typer.Option("--from", help="A day, such as 2026-02-01.")
        ] = None,
        end: Annotated[str | None, typer.Option("--to", help="The last day.")] = None,
        language: Language = None,
        out: Out = None,
        data: Data = None,
        url: Url = None,
        token: Token = None,
    ) -> None:
        """Write the journal in figures: .json, .csv, .xlsx, or .html to print.

        Examples:

            careline tickets journal --by organisation --from 2026-01-01 --to 2026-03-31 --out quarter.xlsx
        """
        from careline.journal_errands import write_report

        asked = {"by": str(by), "from": _day(begin), "to": _day(end), "language": language}

        _at_journal(
            (data, url, token),
            lambda client: write_report(client, "v1/reports/journal", asked, out),
        )


def _day(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no day such as 2026-02-01") from None
