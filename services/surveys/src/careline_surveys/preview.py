"""What each text of a survey costs to send, at its shortest and with the longest variables."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from careline_common.config import Configuration
from careline_common.config.section import Fault
from careline_surveys import segments
from careline_surveys.book import definition_of
from careline_surveys.config import SurveyEntry
from careline_surveys.domain import texts, variables
from careline_surveys.domain.definitions import Definition, Question
from careline_surveys.inviting import Links, words_of
from careline_surveys.segments import Segments

ANY_ID = "0" * 36
"""Every invitation's id is as long."""

SECTION = "surveys"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextCost:
    """A text in one language; `path` is where it stands in the definition, None if ready-made."""

    question: str
    language: str
    path: str | None
    variables: tuple[str, ...]
    shortest: Segments
    longest: Segments

    @property
    def unknown(self) -> tuple[str, ...]:
        """What looks like a variable and is none: it is sent as it stands, braces and all."""
        return tuple(name for name in self.variables if name not in variables.NAMES)

    @property
    def grows(self) -> bool:
        return self.longest.segments > self.shortest.segments


def text_costs(survey: SurveyEntry, links: Links) -> list[TextCost]:
    """Every text that a patient may read, in each language of the survey."""
    definition = definition_of(survey)
    found: list[TextCost] = []
    for position, question in enumerate(definition.questions):
        for language in _languages(definition, position, question):
            _, text = words_of(definition, question, (language,))
            text = links.filled(text, ANY_ID)
            shortest, longest = variables.extremes(text, definition.units)
            found.append(
                TextCost(
                    question=question.id,
                    language=language,
                    path=_path(definition, position, language),
                    variables=variables.names_in(text),
                    shortest=segments.count(shortest),
                    longest=max(map(segments.count, longest), key=lambda each: each.segments),
                )
            )
    return found


def _languages(definition: Definition, position: int, question: Question) -> Iterable[str]:
    """A question's own languages, and those in which the survey begins: it goes on in the same."""
    first = definition.questions[0]
    begins = first.texts or definition.texts or texts.QUESTIONS[first.kind]
    own = question.texts or (definition.texts if position == 0 else {})
    return dict.fromkeys([*own, *begins]) if position else dict.fromkeys(own or begins)


def _path(definition: Definition, position: int, language: str) -> str | None:
    if language in definition.questions[position].texts:
        return f"questions[{position}].texts.{language}"
    if position == 0 and language in definition.texts:
        return f"texts.{language}"
    return None


def faults_of(survey: SurveyEntry, links: Links) -> Iterator[tuple[str, str]]:
    """(path, reason) of texts that name what is not known then, or may cost more than they seem to."""
    for cost in text_costs(survey, links):
        if cost.path is None:
            continue
        first = cost.question == survey.questions[0].id
        for name in cost.variables:
            if name in variables.NAMES and not first:
                yield cost.path, f"{{{name}}} is known to the first question only"
        if cost.grows and not survey.allow_more_segments:
            yield cost.path, _grown(cost)


def _grown(cost: TextCost) -> str:
    longest, shortest = cost.longest, cost.shortest
    return (
        f"{shortest.segments} SMS at its shortest, {longest.segments} ({longest.encoding},"
        f" {longest.units} units) with the longest variables: shorten it, give them fewer units in"
        " `variables`, or set `allow_more_segments`"
    )


def cross_check(links: Links) -> Callable[[Configuration], Iterable[Fault]]:
    """Refuses surveys whose texts have faults, whichever way they come."""

    def check(configuration: Configuration) -> Iterator[Fault]:
        for key, survey in configuration.all(SECTION, SurveyEntry).items():
            for path, reason in faults_of(survey, links):
                yield Fault(SECTION, key, path, reason)

    return check
