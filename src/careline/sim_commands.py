"""The commands of `careline sim`. What they run is imported when it is asked for."""

from pathlib import Path
from typing import Annotated

import typer

sim = typer.Typer(
    help="Play days of a contact centre on the engine, under any policy.", no_args_is_help=True
)

File = Annotated[
    Path, typer.Argument(metavar="SCENARIO.json", help="One scenario: who calls, who answers.")
]
Policy = Annotated[
    str, typer.Option(metavar="NAME[,NAME]", help="`careline sim policies` lists the names.")
]
Seeds = Annotated[str, typer.Option(metavar="A-B", help="Each seed is a day of calls.")]
Ring = Annotated[float, typer.Option(min=0, help="Seconds from an offer to its answer.")]
Missed = Annotated[float, typer.Option(min=0, max=100, help="Offers that no agent answers, %.")]
Lag = Annotated[
    float, typer.Option(min=0, help="Seconds more until a call that had to wait is handed over.")
]
Fair = Annotated[bool, typer.Option("--fair", help="careline: by level and longest idle alone.")]
Processes = Annotated[int | None, typer.Option(min=1, help="Default: one a core.")]
AsJson = Annotated[bool, typer.Option("--json", help="The result alone on standard output.")]


@sim.command()
def run(
    scenario: File,
    *,
    policy: Policy = "careline",
    seeds: Seeds = "1-30",
    agents: Annotated[
        int | None, typer.Option(min=1, help="On the phone; default: the scenario's.")
    ] = None,
    ring_s: Ring = 0.0,
    rna_pct: Missed = 0.0,
    lag_s: Lag = 0.0,
    fair: Fair = False,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A picture by half hour: .png or .svg.")
    ] = None,
    processes: Processes = None,
    as_json: AsJson = False,
) -> None:
    """Compare policies over days of the same callers, against the reference `leastrecent_penalties`.

    Every figure is a mean over the seeds with its 95 % interval; differences are paired by day. The
    result depends on the scenario, the seeds and the options alone.

    Examples:

        careline sim run medsi-15k.json --policy careline,rrmemory_w0 --seeds 400-429

        careline sim run medsi-15k.json --policy careline_callback --seeds 7-7 --agents 108 --json

        careline sim run medsi-15k.json --policy careline --ring-s 3 --rna-pct 5 --plot day.svg
    """
    from careline.simulating import asked, compare

    what = asked(scenario, policy, seeds, ring_s=ring_s, missed_pct=rna_pct, lag_s=lag_s, fair=fair)
    compare(what, agents=agents, plot=plot, processes=processes, as_json=as_json)


@sim.command()
def staff(
    scenario: File,
    *,
    policy: Policy = "careline",
    seeds: Seeds = "300-315",
    ring_s: Ring = 0.0,
    rna_pct: Missed = 0.0,
    lag_s: Lag = 0.0,
    fair: Fair = False,
    processes: Processes = None,
    as_json: AsJson = False,
) -> None:
    """Find how few agents answer 80 % in 20 s and lose fewer than 5 % of callers, by policy.

    Fewer agents lose more callers even where the service level holds. So it is also said how many
    a policy needs to lose no more than the reference does with the agents that it needs itself.

    Examples:

        careline sim staff medsi-15k.json --policy careline,careline_callback

        careline sim staff medsi-15k.json --policy careline --seeds 400-419 --json
    """
    from careline.simulating import asked, find_fewest

    what = asked(scenario, policy, seeds, ring_s=ring_s, missed_pct=rna_pct, lag_s=lag_s, fair=fair)
    find_fewest(what, processes=processes, as_json=as_json)


@sim.command()
def replay(
    *,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help="Default: $CARELINE_DATA, else ./.careline."),
    ] = None,
    database_url: Annotated[
        str | None, typer.Option(help="The router's database; default: $CARELINE_DATABASE_URL.")
    ] = None,
    day: Annotated[
        str | None, typer.Option(metavar="DATE", help="Which day, like 2026-11-25.")
    ] = None,
    zone: Annotated[str, typer.Option(help="Whose midnight, like Europe/Moscow.")] = "UTC",
    since: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="In place of --day, with --to.")
    ] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Not included.")] = None,
    policy: Annotated[
        str | None,
        typer.Option(metavar="NAME[,NAME]", help="Default: the one that would be in force."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="As for `careline apply`; it is not applied."),
    ] = None,
    without_agents: Annotated[
        str | None, typer.Option(metavar="ID[,ID]", help="As if these had not come.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A picture by half hour: .png or .svg.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Play a real day again, out of the router's journal, with what is to be published.

    The day as it was stands beside the day replayed as it was, which tells the replay's own error, and
    beside each policy, with its difference to that replay. Nothing is written to the database.

    Examples:

        careline sim replay --day 2026-11-25 --zone Europe/Moscow --policy careline,rrmemory_w0

        careline sim replay --day 2026-11-25 --config floor.yaml --plot day.svg

        careline sim replay --from 2026-11-25T08:00Z --to 2026-11-25T20:00Z --without-agents a1,a2
    """
    import asyncio

    from careline.datadir import DataDir
    from careline.replaying import asked, replay_day

    what = asked(
        day=day,
        zone=zone,
        since=since,
        until=until,
        policy=policy,
        config=config,
        without_agents=without_agents,
        plot=plot,
    )
    asyncio.run(replay_day(what, DataDir.choose(data), database_url, as_json=as_json))


@sim.command()
def policies() -> None:
    """List the policies that can be compared.

    Examples:

        careline sim policies
    """
    from careline_router.simulation.policies import CONTENDERS

    for name in CONTENDERS:
        typer.echo(name)
