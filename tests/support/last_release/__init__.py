"""The events as the last release had them: its own models, its messages and a record of both.

Made by `scripts/freeze_events.py`; nobody edits what is under `events` and `golden` by hand.
"""
