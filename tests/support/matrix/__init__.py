"""The kill matrix: every process of every form, killed, stopped and cut off in every step of the story.

`plan` says which cells there are, `world` runs the processes, `faults` breaks them, `story` goes on
nevertheless and keeps a `record`, and `checker` compares that record with what Careline says.
"""
