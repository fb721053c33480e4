"""Days of a contact centre, played on the floor that runs in production.

A scenario and a seed give a day's calls (`calls`), a scenario and a number of agents a roster
(`roster`). `runner` plays the day on `careline_router.domain.floor.Floor` under one policy and keeps a
record of it; `figures` reads a record, `comparison` holds policies against each other over many
days, `staffing` finds how few agents would do.
"""
