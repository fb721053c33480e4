"""What a queue asks its callers by voice once their agent has gone, as configured."""

from typing import Annotated, Literal

from pydantic import Field

from careline_common.config.models import ConfigModel

Media = Annotated[str, Field(min_length=1, max_length=500)]
ByLanguage = dict[Annotated[str, Field(min_length=1, max_length=35)], Media]


class VoiceQuestion(ConfigModel):
    """One question: what is played, by language, and how many keys answer it at most."""

    media: Annotated[ByLanguage, Field(min_length=1)]
    digits: Annotated[int, Field(ge=1, le=2)] = 1


class VoiceSurvey(ConfigModel):
    """The questions in the order of the survey's; `ask` says whom: those whom no SMS reaches, or all."""

    ask: Literal["landline", "everybody"] = "landline"
    questions: Annotated[list[VoiceQuestion], Field(min_length=1, max_length=10)]
    thanks: ByLanguage = Field(default_factory=dict)
    wait_s: Annotated[float, Field(ge=1, le=30)] = 8.0
