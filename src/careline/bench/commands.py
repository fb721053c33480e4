"""The commands of `careline bench`. What they run is imported when it is asked for."""

from typing import Annotated

import typer

from careline.loop import run

bench = typer.Typer(
    help="Measure Careline against its peers and limits on this machine.", no_args_is_help=True
)


@bench.command()
def bus(
    *,
    rabbit_url: Annotated[
        str | None,
        typer.Option(
            help="A virtual host of its own, empty: events are published in it."
            " Without it a private RabbitMQ is started (needs `make components`)."
        ),
    ] = None,
    database_url: Annotated[
        str | None,
        typer.Option(
            help="The schema `careline_bench` is made in it and dropped again."
            " Without it a private PostgreSQL is started."
        ),
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Of each contender, in turns.")] = 5,
    events: Annotated[int, typer.Option(min=500, help="A round.")] = 5000,
    seconds: Annotated[
        float, typer.Option(min=1, help="So long latency is taken, at 200 events a second.")
    ] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="The result on standard output.")] = False,
) -> None:
    """The event bus: outbox → RabbitMQ (quorum queue) → inbox, against a bare aio-pika client.

    The peer publishes the same bodies with confirms, as many outstanding, to a quorum queue of the same
    broker and acknowledges each by hand; it has no database. Exit 1 when a limit is missed:
    0.3 of the peer's events/s, p99 under 250 ms from commit to commit at 200 events/s.

    Examples:

        careline bench bus

        careline bench bus --json > benchmarks/results/bus.json

        careline bench bus --rounds 1 --events 1000 --seconds 5

        careline bench bus --rabbit-url amqp://bench:pw@mq/bench --database-url postgresql://pg/bench
    """
    from careline.bench.bus import Plan, measure_and_tell

    plan = Plan(
        rabbit_url=rabbit_url,
        database_url=database_url,
        rounds=rounds,
        events=events,
        seconds=seconds,
    )
    run(measure_and_tell(plan, as_json=as_json))


@bench.command()
def engine(
    *,
    decisions: Annotated[int, typer.Option(min=1000, help="A size and round.")] = 20_000,
    rounds: Annotated[int, typer.Option(min=1, help="Of all sizes, in turns.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="The result on standard output.")] = False,
) -> None:
    """The floor engine alone: microseconds a decision with its record, as the floor grows.

    500 agents and 1,000 waiting calls, 5,000 and 10,000, 50,000 and 100,000. Exit 1 when a limit is
    missed: p99 15 us at 5,000 agents, exponent of growth 0.25, 50,000 decisions/s.

    Examples:

        careline bench engine

        careline bench engine --json > benchmarks/results/engine.json
    """
    from careline.bench.engine import measure_and_tell

    measure_and_tell(decisions=decisions, rounds=rounds, as_json=as_json)


@bench.command()
def floor(
    *,
    rounds: Annotated[int, typer.Option(min=1, help="Of all contenders, in turns.")] = 3,
    seconds: Annotated[float, typer.Option(min=1, help="A contender and round.")] = 4,
    agents: Annotated[int, typer.Option(min=10, help="At work.")] = 400,
    callers: Annotated[
        int, typer.Option(min=1, help="At once, each with a command to wait for.")
    ] = 512,
    as_json: Annotated[bool, typer.Option("--json", help="The result on standard output.")] = False,
) -> None:
    """The floor's write path: commands/s from engine to commit, beside bare single-row commits.

    A private PostgreSQL is started, with fsync. Exit 1 when a limit is missed: 5,000 commands/s and 0.25 of
    64 bare connections; with 2 ms more a sync, three times one bare connection.

    Examples:

        careline bench floor

        careline bench floor --json > benchmarks/results/floor.json

        careline bench floor --rounds 1 --seconds 2
    """
    from careline.bench.floor import Plan, measure_and_tell

    plan = Plan(rounds=rounds, seconds=seconds, agents=agents, callers=callers)
    run(measure_and_tell(plan, as_json=as_json))


@bench.command()
def recovery(
    *,
    agents: Annotated[int, typer.Option(min=1, help="At work, each with a call.")] = 5000,
    waiting: Annotated[int, typer.Option(min=1, help="Calls that wait.")] = 20_000,
    tail: Annotated[int, typer.Option(min=1, help="Events after the snapshot.")] = 5000,
    rounds: Annotated[int, typer.Option(min=1, help="Of each way to load it.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="The result on standard output.")] = False,
) -> None:
    """A large floor, back from snapshot and journal in a new process.

    Exit 1 when it takes 3 s or more, or when what comes back is not the same to the last clock.

    Examples:

        careline bench recovery

        careline bench recovery --json > benchmarks/results/recovery.json
    """
    from careline.bench.recovery import Plan, measure_and_tell

    plan = Plan(agents=agents, waiting=waiting, tail=tail, rounds=rounds)
    run(measure_and_tell(plan, as_json=as_json))


@bench.command()
def router(
    *,
    minutes: Annotated[float, typer.Option(min=0.1, help="Of the load.")] = 3.0,
    full: Annotated[bool, typer.Option("--full", help="The load lasts ten minutes.")] = False,
    agents: Annotated[int, typer.Option(min=10, help="On their sockets.")] = 500,
    steps: Annotated[int, typer.Option(min=0, help="Towards the knee, at most.")] = 12,
    as_json: Annotated[bool, typer.Option("--json", help="The result on standard output.")] = False,
) -> None:
    """The router: from a call's event to its offer on the agent's socket, at 20 calls/s.

    The router has a core for itself, a private PostgreSQL, the agents' sockets and the PBX have the others.
    Then more and more calls, until p99 is over 250 ms; beside it a bare FastAPI endpoint that commits a row.
    Exit 1 when a limit is missed: p99 150 ms, no error, memory growing by less than 1 MB a minute.

    Examples:

        careline bench router

        careline bench router --json > benchmarks/results/router.json

        careline bench router --minutes 0.5 --steps 0
    """
    from careline.bench.router import Plan, measure_and_tell

    plan = Plan(seconds=600.0 if full else 60 * minutes, agents=agents, steps=steps)
    run(measure_and_tell(plan, as_json=as_json))


@bench.command()
def desks(
    *,
    agents: Annotated[int, typer.Option(min=10, help="On their sockets.")] = 2000,
    seconds: Annotated[float, typer.Option(min=1, help="Of calls, 20 a second.")] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="The result on standard output.")] = False,
) -> None:
    """2,000 agents connected to one router: how soon they are, what each costs, and how late offers come.

    The router has a core for itself, a private PostgreSQL, the other ends of the sockets and the PBX have the others.
    Exit 1 when a limit is missed: no error, offer p99 250 ms, 200 KB an agent, a quarter of a core at rest.

    Examples:

        careline bench desks

        careline bench desks --json > benchmarks/results/desks.json
    """
    from careline.bench.desks import Plan, measure_and_tell

    plan = Plan(agents=agents, seconds=seconds)
    run(measure_and_tell(plan, as_json=as_json))


@bench.command()
def surveys(
    *,
    rounds: Annotated[int, typer.Option(min=1, help="Of both contenders, in turns.")] = 3,
    messages: Annotated[int, typer.Option(min=100, help="A contender and round.")] = 2000,
    window: Annotated[int, typer.Option(min=1, max=1000, help="Messages without an answer.")] = 50,
    minutes: Annotated[float, typer.Option(min=0.05, help="Of the paced stretch.")] = 2.0,
    full: Annotated[bool, typer.Option("--full", help="The paced stretch is an hour.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The result on standard output.")] = False,
) -> None:
    """Surveys: messages/s from call ended to submit_sm acknowledged, beside a bare SMPP client.

    A private PostgreSQL and two SMSCs are started. Exit 1 when a limit is missed: 200 messages/s, 0.05 of
    the bare client on the same window; at 27,100 invitations an hour 15 % of a core and no growth.

    Examples:

        careline bench surveys

        careline bench surveys --json > benchmarks/results/surveys.json

        careline bench surveys --full --json
    """
    from careline.bench.surveys import Plan, measure_and_tell

    seconds = 3600.0 if full else 60 * minutes
    plan = Plan(rounds=rounds, messages=messages, window=window, seconds=seconds)
    run(measure_and_tell(plan, as_json=as_json))


@bench.command()
def tickets(
    *,
    rounds: Annotated[int, typer.Option(min=1, help="Of both contenders, in turns.")] = 3,
    writes: Annotated[int, typer.Option(min=64, help="A contender and round.")] = 2000,
    appeals: Annotated[int, typer.Option(min=100, help="In the journal that is read.")] = 1_000_000,
    looks: Annotated[int, typer.Option(min=20, help="Lists, searches and duplicates.")] = 200,
    full: Annotated[bool, typer.Option("--full", help="Ten times the writes and looks.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The result on standard output.")] = False,
) -> None:
    """The journal: appeals registered and taken beside pgbench, and looked for among a million.

    The million appeals are made at the first run, kept under .cache and found there again. Exit 1 when a
    limit is missed: 0.35 of pgbench with the same statements; p95 under 50 ms.

    Examples:

        careline bench tickets

        careline bench tickets --json > benchmarks/results/tickets.json

        careline bench tickets --appeals 10000 --writes 200 --rounds 1
    """
    from careline.bench.tickets import Plan, measure_and_tell

    times = 10 if full else 1
    plan = Plan(rounds=rounds, writes=writes * times, appeals=appeals, looks=looks * times)
    run(measure_and_tell(plan, as_json=as_json))


@bench.command()
def ingest(
    *,
    rows: Annotated[int, typer.Option(min=100, help="Of the CSV file.")] = 100_000,
    xlsx_rows: Annotated[int, typer.Option(min=100, help="Of the XLSX file.")] = 20_000,
    rounds: Annotated[
        int,
        typer.Option(
            min=1, help="Of both contenders, in turns; fewer where the machine is so slow."
        ),
    ] = 2,
    full: Annotated[
        bool, typer.Option("--full", help="1,000,000 rows of CSV and 100,000 of XLSX.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The result on standard output.")] = False,
) -> None:
    """Ingest: rows/s of a partner's file into the database, beside dlt merging the same file.

    A private PostgreSQL is started; dlt is installed in `.cache/bench-dlt`, apart from Careline. Exit 1 when a
    limit is missed: 5,000 rows/s, as many as dlt, five times as many of a file that brings nothing new, 300 MB.

    Examples:

        careline bench ingest

        careline bench ingest --full --json > benchmarks/results/ingest.json
    """
    from careline.bench.ingest import Plan, measure_and_tell

    if full:
        rows, xlsx_rows = 1_000_000, 100_000
    seconds = 7200.0 if full else 150.0
    plan = Plan(rows=rows, xlsx_rows=xlsx_rows, rounds=rounds, seconds=seconds)
    run(measure_and_tell(plan, as_json=as_json))
