"""Who gets an appeal: by what it is about, by who is there, and by who has least to do."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What an appeal is about, as far as it matters to whom it goes."""

    subject: str | None = None
    territory: str | None = None
    insurer: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Whose appeals a person or a group takes; an empty set is everybody's."""

    subjects: frozenset[str] = frozenset()
    territories: frozenset[str] = frozenset()
    insurers: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()

    def match(self, work: Work) -> int | None:
        """How many of its conditions the work meets, None when it misses one."""
        pairs = (
            (self.subjects, work.subject),
            (self.territories, work.territory),
            (self.insurers, work.insurer),
            (self.languages, work.language),
        )
        named = [(values, value) for values, value in pairs if values]
        return len(named) if all(value in values for values, value in named) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """From the first to the last day, both included."""

    first: date
    last: date
    substitute: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """Somebody who solves appeals."""

    id: str
    scope: Scope = Scope()
    max_open: int | None = None
    absences: tuple[Absence, ...] = ()

    def absence(self, day: date) -> Absence | None:
        return next((one for one in self.absences if one.first <= day <= one.last), None)


def stand_in(worker: Worker, everybody: Mapping[str, Worker], day: date) -> Worker | None:
    """Who does his work on a day: himself, his substitute, the substitute's, and so on.

    None when nobody is named, or all who are named are away.
    """
    seen: set[str] = set()
    while worker.id not in seen:
        seen.add(worker.id)
        absence = worker.absence(day)
        if absence is None:
            return worker
        if absence.substitute is None:
            return None
        worker = everybody.get(absence.substitute, Worker(id=absence.substitute))
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """How things stand: who there is, how many open appeals each has, who is at work now."""

    everybody: Mapping[str, Worker]
    loads: Mapping[str, int]
    present: frozenset[str] = frozenset()
    day: date


def assignee(
    members: Sequence[str], work: Work, floor: Floor, *, but: str | None = None
) -> str | None:
    """Which of a group's members gets an appeal; None leaves it in the group's queue.

    Those who are there or have somebody who stands in for them, whose scope fits (all of them when
    nobody's does), and who have room. Of these who is most specific, then at work now, then has
    least to do, then is named first.
    """
    known = [floor.everybody.get(name, Worker(id=name)) for name in members]
    fitting = [(worker, worker.scope.match(work)) for worker in known]
    pool = [(worker, match) for worker, match in fitting if match is not None]
    ranked = []
    for place, (worker, match) in enumerate(pool or [(worker, 0) for worker in known]):
        doer = stand_in(worker, floor.everybody, floor.day)
        if doer is None or doer.id == but:
            continue
        load = floor.loads.get(doer.id, 0)
        if doer.max_open is None or load < doer.max_open:
            ranked.append((-match, doer.id not in floor.present, load, place, doer.id))
    return min(ranked)[-1] if ranked else None


def most_specific(groups: Iterable[tuple[str, Scope]], work: Work) -> str | None:
    """The group whose conditions the work meets most of; None when it meets nobody's."""
    matches = [(scope.match(work), name) for name, scope in groups]
    ranked = [(-match, name) for match, name in matches if match]
    return min(ranked)[1] if ranked else None
