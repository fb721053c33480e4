"""Which series of arrivals there are: every cell of organisation × subject × territory, and its margins."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple, Self

LEAST = 8
"""Fewer appeals in a week are no surge, whatever was expected."""
SETTLING = 28
"""Days after which an organisation, subject or territory that appeared later is judged like the others."""
AT_START = 7
"""What appears in so many days from the first appeal on was there before."""


class Key(NamedTuple):
    """A series; None where it is over all of a dimension (in a cell: where the appeal has none)."""

    organisation: str | None = None
    subject: str | None = None
    territory: str | None = None

    def meets(self, other: "Key") -> "Key | None":
        """The series of the appeals that are in both; None when there are none."""
        parts = []
        for mine, its in zip(self, other, strict=True):
            if mine is not None and its is not None and mine != its:
                return None
            parts.append(its if mine is None else mine)
        return Key(*parts)

    def margins(self) -> Iterator["Key"]:
        """This cell and every series that it is a part of."""
        for mask in range(8):
            yield Key(*(None if mask >> place & 1 else each for place, each in enumerate(self)))

    @property
    def width(self) -> int:
        """Over how many dimensions it goes: 0 is a cell, 3 is everything."""
        return sum(each is None for each in self)


Cells = Mapping[Key, int]
Arrivals = Mapping[date, Cells]
"""Appeals by day of registration and cell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """The series that can surge, and the parts by which what all have in common is known."""

    of_cell: Mapping[Key, tuple[Key, ...]]
    """The series of a cell that are looked at."""
    number: int
    """How many series there are altogether: all of them share the budget for false alerts."""
    series: frozenset[Key]
    dimension: int
    """By which dimension the whole is cut into parts."""
    first_seen: Mapping[tuple[int, str], int] = field(repr=False)
    start: int

    @classmethod
    def of(cls, arrivals: Arrivals, *, since: date, known: Iterable[Key] = ()) -> Self:
        """Looks only at series that could surge from `since` on; of series that are the same appeals
        under several names it takes the most exact name, but `known` names as they are."""
        cells = {cell for day in arrivals.values() for cell in day}
        members: dict[Key, set[Key]] = {}
        for cell in cells:
            for margin in set(cell.margins()):
                members.setdefault(margin, set()).add(cell)
        names: dict[frozenset[Key], Key] = {}
        for margin, inside in members.items():
            same = frozenset(inside)
            best = names.get(same)
            if best is None or margin.width < best.width:
                names[same] = margin
        kept = set(names.values())
        series = (kept & _busy(arrivals, since)) | (set(known) & members.keys())
        return cls(
            of_cell={cell: tuple(sorted(set(cell.margins()) & series, key=str)) for cell in cells},
            number=len(kept),
            series=frozenset(series),
            dimension=_dimension(cells),
            first_seen=_first_seen(arrivals),
            start=min(arrivals).toordinal() if arrivals else 0,
        )

    def settled(self, dimension: int, value: str | None, day: int) -> bool:
        """Whether this organisation, subject or territory has been there long enough."""
        if value is None:
            return True
        first = self.first_seen[dimension, value]
        return first < self.start + AT_START or day >= first + SETTLING

    def settling(self, key: Key, day: int) -> bool:
        """Whether anything that the series is named after is too new for it to be judged."""
        return not all(self.settled(place, value, day) for place, value in enumerate(key))

    def counts(self, cells: Cells, day: int) -> dict[Key, int]:
        """Arrivals of a day by series. What is new is counted by itself before it is in the whole."""
        counted: dict[Key, int] = {}
        for cell, count in cells.items():
            new = [place for place, value in enumerate(cell) if not self.settled(place, value, day)]
            for key in self.of_cell[cell]:
                if all(key[place] is not None for place in new):
                    counted[key] = counted.get(key, 0) + count
        return counted

    def parts(self, cells: Cells, day: int) -> dict[str | None, int]:
        """Arrivals of a day by part of the whole."""
        counted: dict[str | None, int] = {}
        for cell, count in cells.items():
            if all(self.settled(place, value, day) for place, value in enumerate(cell)):
                part = cell[self.dimension]
                counted[part] = counted.get(part, 0) + count
        return counted


def _busy(arrivals: Arrivals, since: date) -> set[Key]:
    """Series with at least `LEAST` arrivals in some week that ends at `since` or later."""
    by_series: dict[Key, list[tuple[int, int]]] = {}
    cells = {cell for day in arrivals.values() for cell in day}
    margins = {cell: set(cell.margins()) for cell in cells}
    for day in sorted(arrivals):
        if day.toordinal() > since.toordinal() - 7:
            for cell, count in arrivals[day].items():
                for margin in margins[cell]:
                    by_series.setdefault(margin, []).append((day.toordinal(), count))
    return {key for key, days in by_series.items() if _most_in_a_week(days) >= LEAST}


def _most_in_a_week(days: list[tuple[int, int]]) -> int:
    most = inside = first = 0
    for day, count in days:
        inside += count
        while days[first][0] <= day - 7:
            inside -= days[first][1]
            first += 1
        most = max(most, inside)
    return most


def _dimension(cells: Iterable[Key]) -> int:
    """The first of organisation, territory and subject that has several values."""
    seen: list[set[str | None]] = [set(), set(), set()]
    for cell in cells:
        for place, value in enumerate(cell):
            seen[place].add(value)
    return next((place for place in (0, 2, 1) if len(seen[place]) > 1), 0)


def _first_seen(arrivals: Arrivals) -> dict[tuple[int, str], int]:
    first: dict[tuple[int, str], int] = {}
    for day in sorted(arrivals):
        for cell in arrivals[day]:
            for place, value in enumerate(cell):
                if value is not None:
                    first.setdefault((place, value), day.toordinal())
    return first
