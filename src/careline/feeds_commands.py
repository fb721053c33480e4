"""`careline ingest suggest|preview`: a partner's file looked at before it is taken. Needs no server."""

from pathlib import Path
from typing import Annotated

import typer

SuggestFile = Annotated[Path, typer.Argument(metavar="FILE", help="CSV, a spreadsheet, JSON, XML.")]
Source = Annotated[str, typer.Option("--source", help="The source that would read it.")]
Config = Annotated[Path, typer.Option("--config", metavar="FILE", help="Where it is configured.")]
Rows = Annotated[int, typer.Option("--rows", min=1, max=1000, help="So many are shown.")]


def add_feed_commands(commands: typer.Typer) -> None:
    """Adds them to the commands of `careline ingest`."""

    @commands.command()
    def suggest(
        file: SuggestFile,
        region: Annotated[str, typer.Option(help="Of phones without a country code.")] = "RU",
    ) -> None:
        """Print a source for a file that nobody has described, as YAML to be put right by hand.

        Columns are known by their names in Russian, Persian, Chinese and English, and by what stands in them.

        Examples:

            careline ingest suggest day.csv > ins7.yaml
        """
        from careline.feeds_looking import suggest_source

        typer.echo(suggest_source(file, region), nl=False)

    @commands.command()
    def preview(file: SuggestFile, config: Config, source: Source, rows: Rows = 10) -> None:
        """Show what would become of a file's first rows. Nothing is taken.

        Examples:

            careline ingest preview day.csv --config floor.yaml --source ins7-daily
        """
        from careline.feeds_looking import show_preview

        show_preview(file, config, source, rows)
