"""A second simulator, on purpose a plain one: no engine, no index, linear searches everywhere.

It plays conventional policies as their definitions say and is there to be believed, not to be fast:
the simulator that runs the engine has to give the same day, call by call.
"""

from naive_floor.day import NaiveDay, play
from naive_floor.policies import POLICIES

__all__ = ["POLICIES", "NaiveDay", "play"]
