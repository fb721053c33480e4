"""A fake HTTP provider as a process."""

import argparse
import asyncio
import contextlib
import time

from careline_surveys.fakes.http.aliyun import Aliyun
from careline_surveys.fakes.http.dialect import Dialect
from careline_surveys.fakes.http.generic import Generic
from careline_surveys.fakes.http.kavenegar import Kavenegar
from careline_surveys.fakes.http.mapped import Mapped
from careline_surveys.fakes.http.server import WORDS, serve
from careline_surveys.fakes.http.smsc_ru import SmscRu
from careline_surveys.fakes.http.twilio import Twilio

KINDS: dict[str, Dialect] = {
    "generic": Generic(time.time),  # noqa: TID251 - a fake in a process of its own
    "kavenegar": Kavenegar(),
    "smsc_ru": SmscRu(),
    "twilio": Twilio(),
    "aliyun": Aliyun(),
    "http": Mapped(),
}
EXAMPLES = f"""
  python -m careline_surveys.fakes.http kavenegar --port 8097
  python -m careline_surveys.fakes.http twilio --next throttled --next silence

what it may do with the next messages: {", ".join(WORDS)}
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m careline_surveys.fakes.http",
        description="An HTTP provider of messages for trials: it sends nothing to anybody.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("kind", choices=sorted(KINDS))
    parser.add_argument("--port", type=int, default=8097)
    parser.add_argument("--next", choices=WORDS, action="append", default=[])
    options = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(KINDS[options.kind], options.port, options.next))


if __name__ == "__main__":
    main()
