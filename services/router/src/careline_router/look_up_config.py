"""How much another system is asked, and how long its answers are believed: for every section that names one."""

from typing import Annotated

from pydantic import Field

from careline_common.config.models import ConfigModel


class AskingBounds(ConfigModel):
    """So many questions `at_once`; after so many failures in a row none for `open_for_s` seconds."""

    at_once: Annotated[int, Field(ge=1, le=50)] = 8
    failures_to_open: Annotated[int, Field(ge=1, le=1000)] = 5
    open_for_s: Annotated[float, Field(gt=0, le=3600)] = 10


class LookUpBounds(AskingBounds):
    """The same for look-ups, whose answers are kept: nobody known for `negative_cache_s`."""

    cache_s: Annotated[float, Field(ge=0, le=3600)] = 30
    negative_cache_s: Annotated[float, Field(ge=0, le=3600)] = 10
    most_cached: Annotated[int, Field(ge=1, le=100_000)] = 10_000
