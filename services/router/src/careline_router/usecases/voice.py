"""Whether a caller is asked by voice once his agent has gone, and what."""

from dataclasses import dataclass

from careline_common.phones import is_landline
from careline_router.domain.prompts import prompt_in
from careline_router.usecases.parts import UseCases
from careline_router.voice_config import VoiceSurvey


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenQuestion:
    media: str
    digits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenSurvey:
    """A survey in the caller's language; `wait_s` is how long after a question nobody may press."""

    questions: tuple[SpokenQuestion, ...]
    thanks: str | None
    wait_s: float


class VoiceSurveys(UseCases):
    def voice_survey(self, call_id: str) -> SpokenSurvey | None:
        """What the caller of this call is asked; None where nobody asks, or he is not to be asked.

        Only talks that the agent has ended: a caller who hung up himself is gone.
        """
        call = self._actor.floor.calls.get(call_id)
        if call is None or call.ended_by != "agent" or call.outcome != "handled":
            return None
        queue = self._plan().queues.get(call.queue or "")
        survey = None if queue is None else queue.voice_survey
        if survey is None or not self._asks(survey, call_id):
            return None
        hears = call.hears or call.language
        return SpokenSurvey(
            questions=tuple(
                SpokenQuestion(media=prompt_in(each.media, hears) or "", digits=each.digits)
                for each in survey.questions
            ),
            thanks=prompt_in(survey.thanks, hears),
            wait_s=survey.wait_s,
        )

    def _asks(self, survey: VoiceSurvey, call_id: str) -> bool:
        if survey.ask == "everybody":
            return True
        number = self._contacts.of(call_id).number
        return number is not None and is_landline(number)
