import pytest
from hypothesis import given
from hypothesis import strategies as st

from lungscope.models.cost import Cost
from lungscope.reproduction.plan import Plan
from lungscope.reproduction.progress_estimate import (
    ProgressEstimate,
    TrainingOutlook,
    describe_remaining,
    expected_epochs,
    remaining_seconds,
    total_epochs,
    typical_epochs,
)
from lungscope.training.history import Epoch, read_history, write_history
from lungscope.training.run import RunFolder

COSTS = {name: Cost(0, 0, 0, 0, 100) for name in ("mobilenet-v2", "mobilenet-lung")}


def epochs(count, best, seconds=10.0):
    return tuple(
        Epoch(n, 0.01, 1.0, 0.5, 1.0, *2 * (0.9 if n == best else 0.5,), seconds)
        for n in range(1, count + 1)
    )


def outlook(model="a", work=1.0, **options):
    return TrainingOutlook(model, work, **{"max_epochs": 100, "patience": 10} | options)


def test_a_training_goes_on_for_its_patience_after_its_best_epoch():
    assert expected_epochs(outlook(history=epochs(16, best=15)), typical=20) == 25


def test_a_training_takes_the_typical_epochs_unless_it_needs_more():
    assert expected_epochs(outlook(history=epochs(2, best=1)), typical=19) == 19
    assert expected_epochs(outlook(), typical=19) == 19


def test_no_training_takes_more_than_its_limit():
    assert expected_epochs(outlook(max_epochs=2), typical=20) == 2


def test_an_ended_training_takes_no_more_epochs():
    assert expected_epochs(outlook(history=epochs(7, best=7), ended=True), typical=20) == 7
    assert expected_epochs(outlook(ended=True), typical=20) == 0  # it could not run


def test_typical_epochs_are_the_mean_of_ended_trainings():
    assert typical_epochs([outlook(), outlook()]) == 20
    ended = [outlook(history=epochs(n, best=1), ended=True) for n in (20, 30)]
    assert typical_epochs([*ended, outlook(ended=True), outlook()]) == 25
    assert total_epochs([*ended, outlook()]) == 75


def test_further_epochs_take_as_long_as_the_first():
    one = outlook(history=epochs(5, best=5, seconds=30))
    assert remaining_seconds([one]) == 15 * 30
    assert remaining_seconds([one], fraction=0.5) == 14.5 * 30


def test_a_model_that_has_not_run_takes_as_long_as_its_work():
    ended = outlook("a", work=2.0, history=epochs(20, best=10, seconds=10), ended=True)
    waiting = outlook("b", work=6.0)
    assert remaining_seconds([ended, waiting]) == pytest.approx(20 * 30)


def test_times_of_another_seed_count_and_only_recent_ones():
    busy = epochs(5, best=1, seconds=100) + epochs(15, best=1, seconds=10)
    assert remaining_seconds([outlook(history=busy, ended=True), outlook()]) == 20 * 10


def test_nothing_is_claimed_before_an_epoch_was_timed():
    assert remaining_seconds([outlook()]) is None
    assert remaining_seconds([outlook(ended=True)]) == 0


@given(
    st.lists(
        st.builds(
            lambda model, work, most, patience, count, best, ended: TrainingOutlook(
                model, work, most, patience, epochs(min(count, most), best), ended
            ),
            st.sampled_from("abc"),
            st.floats(1e6, 1e10),
            st.integers(1, 100),
            st.integers(1, 20),
            st.integers(0, 60),
            st.integers(1, 60),
            st.booleans(),
        ),
        min_size=1,
        max_size=8,
    ),
    st.floats(0, 1),
)
def test_an_estimate_is_never_negative_and_never_less_than_what_is_done(outlooks, begun):
    assert total_epochs(outlooks) >= 0
    left = remaining_seconds(outlooks, begun)
    assert left is None or left >= 0
    assert describe_remaining(left)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (None, "time left unknown"),
        (0, "less than a minute left"),
        (61, "about 2 min left"),
        (2350, "about 40 min left"),
        (5400, "about 90 min left"),
        (7300, "about 2.5 h left"),
        (172_800, "about 48 h left"),
    ],
)
def test_an_estimate_is_formatted_roughly(seconds, expected):
    assert describe_remaining(seconds) == expected


@pytest.fixture
def jobs(planned, small):
    return planned(Plan(("mobilenet-v2", "mobilenet-lung"), small))


def test_what_is_finished_counts_from_the_start(jobs, finish):
    finish(jobs[0])
    progress = ProgressEstimate(jobs, COSTS).current()
    assert (progress.epochs, progress.expected_epochs) == (2, 4)
    # all layers trained: three times the work of the finished one's forward pass, 2 s an epoch
    assert progress.remaining_seconds == pytest.approx(2 * 3 * 2)


def test_epochs_are_counted_as_they_end_and_in_part_before(jobs, finish):
    estimate = ProgressEstimate(jobs, COSTS)
    assert estimate.current(0.5).epochs == 0.5
    assert estimate.current().remaining_seconds is None
    finish(jobs[0])
    RunFolder(jobs[0].folder).note(finished=False)
    table = RunFolder(jobs[0].folder).history
    write_history(table, read_history(table)[:1])
    estimate.record_epoch(jobs[0])
    assert estimate.current(0.5).epochs == 1.5


def test_after_its_first_epoch_a_training_is_expected_to_go_on_as_fast(jobs, finish):
    (_, lung), estimate = jobs, ProgressEstimate(jobs, COSTS)
    finish(lung, epochs=(0.5,))  # an epoch of 2 s
    RunFolder(lung.folder).note(finished=False)
    estimate.record_epoch(lung)
    estimate.record_end(jobs[0])
    assert estimate.current().remaining_seconds == pytest.approx(2)


def test_a_training_that_was_given_up_is_not_waited_for(jobs):
    estimate = ProgressEstimate(jobs, COSTS)
    estimate.record_end(jobs[0])
    assert estimate.current().expected_epochs == 2
