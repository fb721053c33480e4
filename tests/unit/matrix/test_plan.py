"""The plan of the kill matrix: complete, honest about what cannot be, and pairwise where it is short."""

from collections import Counter

import pytest
from matrix import plan
from matrix.plan import Cell, Fault, Form, Step, Victim

pytestmark = pytest.mark.unit


def test_every_cell_is_either_in_the_matrix_or_has_a_reason() -> None:
    cells = plan.whole()
    assert len(cells) == len(set(cells)) == 972
    assert len(cells) + sum(plan.not_applicable().values()) == len(list(plan.grid()))
    assert len(list(plan.grid())) == 2 * len(Step) * len(Victim) * len(Fault)


def test_each_form_breaks_every_process_it_has() -> None:
    broken = {(cell.form, cell.victim) for cell in plan.whole()}
    assert {victim for form, victim in broken if form is Form.SERVICES} == set(Victim) - {
        Victim.CARELINE
    }
    assert {victim for form, victim in broken if form is Form.STANDALONE} == {
        Victim.CARELINE, Victim.POSTGRESQL, Victim.SMSC, Victim.SFTP, Victim.ASTERISK,
    }  # fmt: skip


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_in_the_sample_every_pair_of_values_meets(seed: int) -> None:
    sample = plan.pairwise(seed)
    wanted = set().union(*map(plan.pairs_of, plan.whole()))
    bystanders = {
        ((1, step), (2, victim))
        for step in Step
        for victim in Victim
        if not plan.takes_part(step, victim)
    }
    assert set().union(*map(plan.pairs_of, sample)) == wanted - bystanders
    assert sample == plan.pairwise(seed)
    assert len(sample) < 100


@pytest.mark.parametrize("form", Form)
def test_stories_hold_each_cell_once_and_one_fault_a_step(form: Form) -> None:
    cells = plan.whole()
    stories = plan.stories(cells, form)
    told = Counter(cell for story in stories for cell in story.values())
    assert told == Counter(cell for cell in cells if cell.form is form)
    for story in stories:
        assert all(cell.step is step for step, cell in story.items())


def test_a_cell_that_cannot_be_says_why() -> None:
    cut = Cell(Form.STANDALONE, Step.TALK, Victim.POSTGRESQL, Fault.HOLE)
    assert "Unix socket" in str(plan.why_not(cut))
    assert plan.why_not(Cell(Form.SERVICES, Step.TALK, Victim.POSTGRESQL, Fault.HOLE)) is None
