"""A bot that talks by a script: for each call, in turn, what it has collected and what came of it.

    python -m careline_router.fakes.bot --url http://127.0.0.1:8080/router --token-file bot.token

The script is a JSON list; the last entry holds for all calls after it:
    [{"contained": "informed"}, {"collected": {"clinic": "north", "wish": "cardiology"}, "reason": "wants_human"}]
"""

import argparse
import asyncio
import contextlib
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from careline_router.bot_port import BotCall, Contained, HandOver
from careline_router.bot_runner import BotRunner

SCRIPT: Sequence[Mapping[str, Any]] = (
    {"collected": {"wish": "appointment"}, "reason": "wants_human"},
)
EXAMPLES = """\
examples:
  careline token --role agent --subject bot1 > bot.token
  python -m careline_router.fakes.bot --url http://127.0.0.1:8080/router --token-file bot.token

  the agent that fits it:
    agents: [{id: bot1, kind: bot, accept: auto, capacity: 20, skills: {adult: 1}, endpoint: PJSIP/bot}]
"""


class ScriptedBot:
    """`talked` are the calls that it has had. An entry: `collected`, `queue` and `reason` of a hand-over, or
    `contained` (its disposition) with `resolved` and `subjects`; `fails` raises; `takes_s` is how long it talks."""

    def __init__(self, script: Sequence[Mapping[str, Any]] = SCRIPT) -> None:
        self._script = list(script)
        self.talked: list[BotCall] = []

    async def talk(self, call: BotCall) -> Contained | HandOver:
        entry = self._script[min(len(self.talked), len(self._script) - 1)]
        self.talked.append(call)
        await asyncio.sleep(entry.get("takes_s", 0))
        if "fails" in entry:
            raise RuntimeError(entry["fails"])
        if "contained" in entry:
            return Contained(
                disposition=entry["contained"],
                resolved=entry.get("resolved", True),
                subjects=tuple(entry.get("subjects", ())),
            )
        return HandOver(
            data=entry.get("collected", {}), queue=entry.get("queue"), reason=entry.get("reason")
        )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m careline_router.fakes.bot",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--url", required=True, help="the router's base")
    parser.add_argument("--token-file", type=Path, required=True, help="a token of role agent")
    parser.add_argument("--script", type=Path, help="as above")
    options = parser.parse_args(arguments)
    script = SCRIPT if options.script is None else json.loads(options.script.read_text())
    token = options.token_file.read_text().strip()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_work(options.url, token, ScriptedBot(script)))
    return 0


async def _work(url: str, token: str, bot: ScriptedBot) -> None:
    async with BotRunner(url, token, bot) as runner:
        await runner.run()


if __name__ == "__main__":
    sys.exit(main())
