"""Settings for the whole suite."""

from hypothesis import HealthCheck, settings

# The same examples in every run: a failure is a failure everywhere. `make proof` draws fresh ones. A busy
# machine is no error, so there is no deadline an example.
settings.register_profile(
    "suite",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("proof", deadline=None, max_examples=20_000)
settings.load_profile("suite")
