"""A small SMSC: `python -m careline_surveys.fakes.smsc --help`."""
