"""Scores over time as a picture: each key a line within the band of its 95 % interval."""

import io
from collections.abc import Mapping, Sequence
from datetime import date

from careline_surveys.reporting import ScoreLine

MOST_KEYS = 6
"""More lines than these cannot be told apart."""

MOST_TICKS = 10

_LABELS = {
    "csi": "CSI, % of 4 and 5", "nps": "NPS, %", "fcr": "FCR asked, % yes",
    "fcr_repeat": "FCR, % without a repeat call in 7 days",
}  # fmt: skip


def chosen(
    lines: Sequence[ScoreLine], keys: Sequence[str] | None
) -> Mapping[str, Sequence[ScoreLine]]:
    """What is drawn of each key, in order of time: of the named keys, else of those that say most."""
    by_key: dict[str, list[ScoreLine]] = {}
    for line in lines:
        if line.score.value is not None and (not keys or line.key in keys):
            by_key.setdefault(line.key, []).append(line)
    most = sorted(by_key, key=lambda key: (-sum(line.score.n for line in by_key[key]), key))
    return {key: by_key[key] for key in sorted(most[:MOST_KEYS])}


def draw(metric: str, shown: Mapping[str, Sequence[ScoreLine]], image: str) -> bytes:
    """The picture as svg or png; the same scores give the same bytes."""
    # Half a second of import and its memory, for those alone who draw.
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.hashsalt": "careline", "svg.fonttype": "none"}):
        picture = Figure(figsize=(10, 5), layout="constrained")
        axes = picture.subplots()
        for key, lines in shown.items():
            days = [float(_day(line)) for line in lines]
            values, lows, highs = (
                [float(getattr(line.score, name)) for line in lines]
                for name in ("value", "low", "high")
            )
            [drawn] = axes.plot(days, values, marker="o", markersize=3, linewidth=1.5, label=key)
            axes.fill_between(days, lows, highs, color=drawn.get_color(), alpha=0.15, linewidth=0)
        axes.set_ylabel(_LABELS[metric])
        axes.set_ylim((-101, 101) if metric == "nps" else (0, 101))
        days_of_all = sorted({_day(line) for lines in shown.values() for line in lines})
        ticks = days_of_all[:: -(-len(days_of_all) // MOST_TICKS)]
        axes.set_xticks(ticks, [date.fromordinal(day).isoformat() for day in ticks])
        axes.grid(alpha=0.3)
        axes.legend(loc="lower right", fontsize="small")
        out = io.BytesIO()
        picture.savefig(out, format=image, metadata={"Date": None} if image == "svg" else None)
    return out.getvalue()


def _day(line: ScoreLine) -> int:
    assert line.period is not None, "a trend is asked for by period"
    return line.period.toordinal()
