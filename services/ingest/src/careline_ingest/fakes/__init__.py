"""Partners to try Careline against, with the faults that real ones have.

Each is a server over real sockets: for tests (`async with SftpPartner(…)`), and by hand
(`python -m careline_ingest.fakes.sftp --help`).
"""
