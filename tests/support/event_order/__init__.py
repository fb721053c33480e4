"""Event order: histories of a centre, delivered by hand to every consumer in any order.

`histories` draws what happens, `schedule` when each event arrives, `centre` runs the consumers, and
`readers` say what a consumer's service shows in the end.
"""
