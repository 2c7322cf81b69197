import pytest

from lungscope.models.cost import Cost
from lungscope.reproduction.plan import Plan
from lungscope.reproduction.progress_estimate import ProgressEstimate
from lungscope.training.history import read_history, write_history
from lungscope.training.run import Run

COSTS = {name: Cost(0, 0, 0, 0, 100) for name in ("mobilenet-v2", "mobilenet-lung")}


@pytest.fixture
def jobs(planned, small):
    return planned(Plan(("mobilenet-v2", "mobilenet-lung"), small))


def test_what_is_finished_counts_from_the_start(jobs, finish):
    finish(jobs[0])
    standing = ProgressEstimate(jobs, COSTS).standing()
    assert (standing.epochs, standing.expected) == (2, 4)
    # all layers trained: three times the work of the finished one's forward pass, 2 s an epoch
    assert standing.seconds == pytest.approx(2 * 3 * 2)


def test_epochs_are_counted_as_they_end_and_in_part_before(jobs, finish):
    lookout = ProgressEstimate(jobs, COSTS)
    assert lookout.standing(0.5).epochs == 0.5
    assert lookout.standing().seconds is None
    finish(jobs[0])
    Run(jobs[0].folder).note(finished=False)
    table = Run(jobs[0].folder).history
    write_history(table, read_history(table)[:1])
    lookout.epoch_ended(jobs[0])
    assert lookout.standing(0.5).epochs == 1.5


def test_after_its_first_epoch_a_training_is_expected_to_go_on_as_fast(jobs, finish):
    (_, lung), lookout = jobs, ProgressEstimate(jobs, COSTS)
    finish(lung, epochs=(0.5,))  # an epoch of 2 s
    Run(lung.folder).note(finished=False)
    lookout.epoch_ended(lung)
    lookout.ended(jobs[0])
    assert lookout.standing().seconds == pytest.approx(2)


def test_what_is_given_up_is_no_longer_waited_for(jobs):
    lookout = ProgressEstimate(jobs, COSTS)
    lookout.ended(jobs[0])
    assert lookout.standing().expected == 2
