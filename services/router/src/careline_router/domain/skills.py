"""Skills, levels and signatures: who can serve what, and how well."""

from collections.abc import Mapping

Signature = tuple[tuple[str, int], ...]

BEST_LEVEL = 10
SITE = "@"
"""A site is a skill of this beginning, which every agent who works there has at the best level."""
SLOWER_A_LEVEL = 0.08
"""Handle time grows by this for each level below the best: 1, 1.08, 1.16, … (routing.md §5)."""


def signature(skills: Mapping[str, int]) -> Signature:
    """Skills in a form that can be compared: agents with the same one are interchangeable."""
    return tuple(skills.items()) if len(skills) < 2 else tuple(sorted(skills.items()))


def shown(skills: Signature) -> str:
    """A signature for people: `adult:10,child:5 @msk`."""
    levels = ",".join(f"{skill}:{level}" for skill, level in skills if not skill.startswith(SITE))
    sites = [skill for skill, _ in skills if skill.startswith(SITE)]
    return " ".join([levels, *sites])


def lacking(has: Mapping[str, int], needs: Mapping[str, int]) -> str | None:
    """The first required skill that is missing or too low; None when all are there."""
    for skill, level in needs.items():
        if has.get(skill, 0) < level:
            if skill.startswith(SITE):
                return f"site:{skill[1:]}"
            return f"skill:{skill}" if skill not in has else f"level:{skill}"
    return None


def rank(has: Mapping[str, int], needs: Mapping[str, int]) -> int:
    """How far the weakest of the required skills is from the best: 1 is best, 10 is least."""
    return 1 + max((BEST_LEVEL - has[skill] for skill in needs), default=0)


def slowness(rank_: int) -> float:
    """By what factor an agent of this rank takes longer than the best."""
    return 1.0 + SLOWER_A_LEVEL * (rank_ - 1)
