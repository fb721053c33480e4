"""Goes through the days, as if each were the present, and says which alerts open and close.

The probability of a false alert is shared out: one day's budget over all series and windows, the dense
ones more than the sparse ones (a weighted Bonferroni bound, so that nothing has to be independent).
What an open alert explains opens no second one, neither in its parts nor in what it is a part of.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date

from careline_tickets.domain.surges.alarms import Alarm, Alert, best_told
from careline_tickets.domain.surges.baseline import Baseline, Day, Pool
from careline_tickets.domain.surges.common import Outside
from careline_tickets.domain.surges.judging import LEAST, RATIO, Jumps, judged
from careline_tickets.domain.surges.series import AT_START, SETTLING, Arrivals, Cells, Key, Roster

FALSE_ALERTS_A_YEAR = 0.3
"""Of all series together, were the model exact; reality takes the rest of the one that is allowed."""
SHARE = {1: 0.2, 2: 0.5, 3: 0.2, 7: 0.1}
"""How the budget is shared among windows: bursts are to be found on their second day."""
LEAST_HISTORY = 21
"""Days of the journal before anything is judged."""
CALM_CHANCE = 0.05
CALM_RATIO = 1.25
LONGEST_ALERT = 28
"""Days after which what came has become the usual."""
COMES_BACK = 7
"""Days in which a surge that flares up again is the same one."""
SETTLES = 3
"""Days in which an alert can still turn out to be about more or less than it seemed."""


class Watch:
    """One pass over the days from the first arrival on.

    `known` are alerts that are open already, by the day on which they were opened: they are not judged
    again, only closed. `quiet` are dates that the calendar closes.
    """

    def __init__(
        self,
        arrivals: Arrivals,
        *,
        since: date,
        quiet: Collection[date] = (),
        known: Mapping[Key, date] | None = None,
    ) -> None:
        self.alerts: list[Alert] = []
        self._arrivals = arrivals
        self._quiet = frozenset(quiet)
        self._known = dict(known or {})
        self.roster = Roster.of(arrivals, since=since, known=self._known)
        self._pool = Pool()
        self._jumps = Jumps()
        self._series = {key: Baseline(self._pool) for key in sorted(self.roster.series, key=str)}
        self._parts: dict[str | None, Baseline] = {}
        self._whole = Baseline()
        self._open: dict[Key, Alert] = {}
        self._calm_since: dict[Key, int] = {}
        self._settling = {key for key in self._series if self.roster.settling(key, 0)}
        self._settles: dict[int, list[tuple[int, str]]] = {}
        for named, first in self.roster.first_seen.items():
            if first >= self.roster.start + AT_START:
                self._settles.setdefault(first + SETTLING, []).append(named)

    def run(self, last: date) -> list[Alert]:
        """Every alert from the first arrival up to and with `last`, in order of opening."""
        if not self._arrivals:
            return []
        for number in range(self.roster.start, last.toordinal() + 1):
            self._step(date.fromordinal(number), self._arrivals.get(date.fromordinal(number), {}))
        return self.alerts

    def _step(self, day: date, cells: Cells) -> None:
        number, weekday, quiet = day.toordinal(), day.weekday(), day in self._quiet
        shared = self._whole.factor(weekday, 1.0)
        counts = self.roster.counts(cells, number)
        parts = self.roster.parts(cells, number)
        whole = self._whole.expect(number, sum(parts.values()), weekday, 1.0, quiet=quiet)
        if not self._whole.take(whole, 1.0) and not counts:
            return
        self._settle(number)
        outside = self._outside(number, weekday, shared, parts, quiet=quiet)
        told = set()
        for key, baseline in self._series.items():
            if key not in counts and self._unseen(key, number):
                continue
            today = baseline.expect(number, counts.get(key, 0), weekday, shared, quiet=quiet)
            if baseline.take(today, self._common(key, today, outside)):
                told.add(key)
        if weekday == 0:
            self._pool.learn(self._series.values())
        self._jumps.learn(number, (self._series[key] for key in told))
        self._close(day, told)
        if number >= self.roster.start + LEAST_HISTORY:
            self._find(day, told)

    def _unseen(self, key: Key, number: int) -> bool:
        first = self.roster.first_seen
        return any(
            number < first[place, value] for place, value in enumerate(key) if value is not None
        )

    def _settle(self, number: int) -> None:
        """What has been there long enough is from now on part of the whole, with what it brings."""
        for place, value in self._settles.get(number, ()):
            self._join(place, value)
        if number in self._settles:
            self._settling = {key for key in self._settling if self.roster.settling(key, number)}

    def _join(self, place: int, value: str) -> None:
        for key, baseline in self._series.items():
            if key[place] is None:
                inside = key.meets(Key(*(value if each == place else None for each in range(3))))
                new = self._series.get(inside) if inside is not None else None
                if new is not None:
                    baseline.join(new)

    def _outside(
        self,
        number: int,
        weekday: int,
        shared: float,
        parts: Mapping[str | None, int],
        *,
        quiet: bool,
    ) -> Outside:
        """What each part of the whole brought today, and was expected to."""
        for part in parts:
            if part not in self._parts:
                self._parts[part] = Baseline()
        days = {}
        for part, baseline in self._parts.items():
            today = baseline.expect(number, parts.get(part, 0), weekday, shared, quiet=quiet)
            days[part] = (today.count, today.expected)
            baseline.take(today, 1.0)
        return Outside(days)

    def _common(self, key: Key, today: Day, outside: Outside) -> float:
        """By how much all others exceed what was expected of them: a day after a holiday, a season."""
        part = key[self.roster.dimension]
        if part is None:
            return outside.without(today.count, today.expected)
        own = outside.parts.get(part)
        return outside.common if own is None else outside.without_part(own)

    def _close(self, day: date, told: Collection[Key]) -> None:
        for key, alert in list(self._open.items()):
            baseline = self._series[key]
            age = day.toordinal() - alert.opened.toordinal()
            if age >= LONGEST_ALERT:
                baseline.restart()
            elif key not in told or age < 1 or not self._calm(baseline):
                baseline.exclude(1)
                continue
            alert.closed = day
            self._calm_since[key] = day.toordinal()
            del self._open[key]

    def _calm(self, baseline: Baseline) -> bool:
        observed, expected = baseline.window(2)
        return (
            observed < CALM_RATIO * expected or baseline.chance(2, observed, expected) > CALM_CHANCE
        )

    def _find(self, day: date, told: Collection[Key]) -> None:
        for key, opened in list(self._known.items()):
            if opened <= day and key in self._series:
                del self._known[key]
                self._begin(day, self._alarm_of(key, 2))
        best = best_told(list(self._alarms(day, told)))
        self._tell_better(day, best)
        for alarm in best:
            if alarm.key not in self._open and self._stands(day, alarm):
                self._begin(day, alarm)

    def _tell_better(self, day: date, best: Sequence[Alarm]) -> None:
        """An alert of the last days goes on under the name that tells best what is known by now."""
        told = {alarm.key for alarm in best}
        for key, alert in list(self._open.items()):
            if key in told or not _young(alert, day):
                continue
            related = [
                alarm
                for alarm in best
                if alarm.key not in self._open
                and alarm.key.meets(key) in {alarm.key, key}
                and self._calm_since.get(alarm.key, 0) < alert.opened.toordinal()
            ]
            if related:
                del self._open[key]
                alert.before.append(key)
                alert.key = related[0].key
                self._open[alert.key] = alert
                self._series[alert.key].exclude(related[0].window)

    def _alarm_of(self, key: Key, length: int) -> Alarm:
        """What an open alert stands on now."""
        observed, expected = self._series[key].window(length)
        return Alarm(key, length, observed, expected, 0.0, 1.0)

    def _alarms(self, day: date, told: Collection[Key]) -> Iterator[Alarm]:
        """Every series that by itself is beyond its limit, and what was told of in the last days."""
        quota = FALSE_ALERTS_A_YEAR / 365 / self._weights()
        for key in told:
            alert = self._open.get(key)
            if key in self._settling or (alert is not None and not _young(alert, day)):
                continue
            baseline = self._series[key]
            limit = quota * _weight(baseline.level)
            found = list(self._beyond(key, limit, day.toordinal()))
            if alert is not None:
                found = [self._alarm_of(key, length) for length in (1, 2, 3)]
            if found:
                yield max(found, key=lambda one: one.gain)

    def _beyond(self, key: Key, limit: float, number: int) -> Iterator[Alarm]:
        """The windows of a series that are beyond the limit, all after it was last calm."""
        baseline = self._series[key]
        for length, share in SHARE.items():
            if length == 1 and self._jumps.usual(number):
                continue
            alarm = judged(key, baseline, length, limit * share)
            if alarm and baseline.recent[-length].number > self._calm_since.get(key, 0):
                yield alarm

    def _weights(self) -> float:
        others = self.roster.number - len(self._series)
        known = sum(_weight(baseline.level) for baseline in self._series.values())
        return known + others * _weight(0.0)

    def _stands(self, day: date, alarm: Alarm) -> bool:
        """Whether it is beyond its limit without what other alerts of these days explain."""
        baseline, observed = self._series[alarm.key], float(alarm.observed)
        for other in self._lately(day):
            common = alarm.key.meets(other.key)
            if common == alarm.key:
                return other.key == alarm.key
            if common is not None:
                inside, expected = self._inside(common, alarm, other)
                observed -= max(0.0, inside - expected)
        if observed == alarm.observed:
            return True
        left = max(0, round(observed))
        return (
            left >= max(LEAST[alarm.window], RATIO[alarm.window] * alarm.expected)
            and baseline.chance(alarm.window, left, alarm.expected) <= alarm.limit
        )

    def _lately(self, day: date) -> Iterator[Alert]:
        for alert in self.alerts:
            if alert.closed is None or (day - alert.closed).days <= COMES_BACK:
                yield alert

    def _inside(self, common: Key, alarm: Alarm, other: Alert) -> tuple[int, float]:
        """What came in both; where that has no series of its own it is at most what the smaller brought."""
        if common in self._series:
            return self._series[common].window(alarm.window)
        return min(self._series[key].window(alarm.window) for key in (alarm.key, other.key))

    def _begin(self, day: date, alarm: Alarm) -> None:
        """Opens an alert, or goes on with the one that has hardly closed."""
        before = [each for each in self.alerts if each.key == alarm.key and each.closed]
        if before and (day - (before[-1].closed or day)).days <= COMES_BACK:
            alert = before[-1]
            alert.closed = None
        else:
            alert = Alert(
                key=alarm.key,
                opened=day,
                observed=alarm.observed,
                expected=alarm.expected,
                window=alarm.window,
            )
            self.alerts.append(alert)
        self._open[alarm.key] = alert
        self._series[alarm.key].exclude(alarm.window)


def _young(alert: Alert, day: date) -> bool:
    return (day - alert.opened).days < SETTLES


def _weight(level: float) -> float:
    return level / (level + 1) + 0.02
