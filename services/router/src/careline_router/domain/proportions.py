"""How sure a share is that was counted."""

import math

Z_95 = 1.959963984540054


def wilson_pct(successes: int, n: int) -> tuple[float | None, float | None, float | None]:
    """A share and its 95 % interval by Wilson's score (1927), in percent; nothing of none.

    At 0 and at n the bound is exactly the share: rounding must not push it to the other side.
    """
    if n == 0:
        return None, None, None
    share, z2 = successes / n, Z_95 * Z_95
    centre = share + z2 / (2 * n)
    spread = Z_95 * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    scale = 1 + z2 / n
    low, high = (centre - spread) / scale, (centre + spread) / scale
    return (
        round(100 * share, 2),
        round(100 * max(0.0, min(low, share)), 2),
        round(100 * min(1.0, max(high, share)), 2),
    )
