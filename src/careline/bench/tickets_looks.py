"""What `careline bench tickets` reads: lists, searches and likely duplicates, asked of the running service."""

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx

from careline.bench.appeals import COMMON_WORDS, SEED, rare_words, texts
from careline.bench.appeals_data import PEOPLE, PII_KEY, phone, policy_number
from careline.bench.child import Child
from careline.datadir import CannotError
from careline_common.http.issuer import LocalIssuer

Asked = tuple[str, str, dict[str, Any]]
"""Method, path and parameters or body."""
TYPED = 5_000
"""So many texts are there to be typed again."""


@asynccontextmanager
async def tickets_at(url: str, log: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The service as a process of its own over this database, spoken to as an agent."""
    async with AsyncExitStack() as stack:
        issuer = LocalIssuer(log.with_name("issuer.json"))
        child = Child(
            ["careline", "tickets", "serve", "--port", "0"],
            log,
            CARELINE_DATABASE_URL=url,
            CARELINE_ISSUER_FILE=str(issuer.path),
            CARELINE_PII_KEY=PII_KEY,
            CARELINE_LOG_LEVEL="WARNING",
        )
        stack.push_async_callback(child.stop)
        base = await child.ready()
        token = issuer.token(subject="a1", roles=["agent"])
        client = httpx.AsyncClient(
            base_url=base, headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=60
        )
        yield await stack.enter_async_context(client)


async def p95_ms(client: httpx.AsyncClient, asked: Sequence[Asked]) -> float:
    """Of whole answers, asked one after another, each question put once before."""
    times = []
    for again in (False, True):
        for method, path, values in asked:
            began = perf_counter()
            if method == "GET":
                answer = await client.get(path, params=values)
            else:
                answer = await client.post(path, json=values)
            if again:
                times.append(1000 * (perf_counter() - began))
            if answer.status_code != httpx.codes.OK:
                raise CannotError(f"{method} {path} was answered {answer.status_code}")
    return sorted(times)[int(0.95 * len(times))]


def lists(count: int) -> list[Asked]:
    chance = random.Random(SEED)  # noqa: S311 - the same questions each time

    def one() -> dict[str, Any]:
        conditions: list[dict[str, Any]] = [
            {},
            {"status": chance.choice(["new", "in_work", "in_review", "waiting", "closed"])},
            {"subject": f"s{chance.randrange(40)}"},
            {"organisation": f"o{chance.randrange(900)}"},
            {"territory": str(chance.randrange(60)), "status": "in_work"},
            {"insurer": f"i{chance.randrange(12)}", "status": "with_insurer"},
            {"overdue": "true"},
            {"overdue": "false", "subject": f"s{chance.randrange(40)}"},
        ]
        return chance.choice(conditions)

    return [("GET", "/v1/tickets", one()) for _ in range(count)]


def searches(count: int) -> list[Asked]:
    chance = random.Random(SEED)  # noqa: S311 - see above

    def one() -> str:
        common, other = chance.sample(COMMON_WORDS, 2)
        rare = chance.choice(rare_words())
        person = chance.randrange(PEOPLE)
        questions = [
            common, common, rare, rare, f"{common} {other}", f"{common} {rare}", "医",
            phone(person), policy_number(person), f"B-{1 + chance.randrange(100_000)}",
        ]  # fmt: skip
        return chance.choice(questions)

    return [("POST", "/v1/tickets/search", {"q": one()}) for _ in range(count)]


def likenesses(count: int) -> list[Asked]:
    """Whole texts that are there, their beginnings as they are typed, people, and people with texts."""
    chance = random.Random(SEED)  # noqa: S311 - see above
    known = [" ".join(words) for words in islice(texts(TYPED), TYPED)]

    def one() -> dict[str, Any]:
        text, person = chance.choice(known), chance.randrange(PEOPLE)
        return chance.choice(
            [
                {"text": text},
                {"text": text[: chance.randrange(40, 300)]},
                {"person": {"phone": phone(person)}, "text": text[:200]},
                {"person": {"policy_number": policy_number(person)}, "organisation": "o1"},
            ]
        )

    return [("POST", "/v1/tickets/duplicates", one()) for _ in range(count)]
