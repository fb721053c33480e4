"""Departments of the configuration, which get reports by themselves."""

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from careline_common.config import ConfigModel, Configuration, Fault, Id
from careline_tickets.domain.periods import Hour, Length


def _check_hour(length: Length, text: str) -> str:
    Hour.parse(length, text)
    return text


class Department(ConfigModel):
    """Who gets a report of the appeals about some subjects (none: about all) by itself.

    `weekly` is a weekday and a time after the week, `monthly` a day of the next month and a time; at
    `opinions`, as `monthly`, it gets what was suggested in the month.
    """

    id: Id
    name: str = ""
    subjects: list[Id] = Field(default_factory=list)
    language: Literal["ru", "en", "fa", "zh"] = "en"
    weekly: Annotated[str, AfterValidator(partial(_check_hour, Length.WEEK))] | None = None
    monthly: Annotated[str, AfterValidator(partial(_check_hour, Length.MONTH))] | None = None
    opinions: Annotated[str, AfterValidator(partial(_check_hour, Length.MONTH))] | None = None


def check_departments(configuration: Configuration) -> Iterator[Fault]:
    """Subjects that are not there."""
    for name, department in configuration.all("departments", Department).items():
        for index, subject in enumerate(department.subjects):
            if not configuration.has("subjects", subject):
                reason = f"there is no such entry in subjects: {subject!r}"
                yield Fault("departments", name, f"subjects[{index}]", reason)
