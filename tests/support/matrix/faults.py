"""Breaks one process at one moment, and heals it."""

import asyncio
import signal
from dataclasses import dataclass

from matrix import pids
from matrix.plan import Fault
from matrix.world import Target


@dataclass(frozen=True, slots=True)
class Wound:
    """When a fault began, and when everything was as before (monotonic seconds)."""

    began: float
    healed: float


async def inflict(target: Target, fault: Fault, hold_s: float) -> Wound:
    """`kill` lasts as long as the start after it takes, all others `hold_s`."""
    now = asyncio.get_running_loop().time
    began = now()
    if fault is Fault.KILL:
        await target.kill()
    elif fault is Fault.STOP:
        stopped = target.pids()
        pids.send(stopped, signal.SIGSTOP)
        try:
            await asyncio.sleep(hold_s)
        finally:
            pids.send(stopped, signal.SIGCONT)
    elif fault is Fault.RESET:
        for link in target.links:
            await link.cut()
        await asyncio.sleep(hold_s)
        for link in target.links:
            await link.open()
    else:
        for link in target.links:
            link.swallow()
        await asyncio.sleep(hold_s)
        for link in target.links:
            link.pass_on()
    return Wound(began, now())
