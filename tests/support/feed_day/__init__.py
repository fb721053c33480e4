"""A day of one insurer's feed under kills: his file, an ingest that never survives a commit, what the
partner and the journal get of it, and a checker that knows none of ingest's code."""
