import pytest
from hypothesis import given
from hypothesis import strategies as st

from lungscope.reproduction.progress_estimate import (
    Outlook,
    describe_remaining,
    epochs_in_all,
    expected_epochs,
    seconds_left,
    usual_epochs,
)
from lungscope.training.history import Epoch


def epochs(count, best, seconds=10.0):
    return tuple(
        Epoch(n, 0.01, 1.0, 0.5, 1.0, 0.9 if n == best else 0.5, seconds)
        for n in range(1, count + 1)
    )


def outlook(model="a", work=1.0, **options):
    return Outlook(model, work, **{"most": 100, "patience": 10} | options)


def test_a_training_goes_on_for_its_patience_after_its_best_epoch():
    assert expected_epochs(outlook(history=epochs(16, best=15)), usual=20) == 25


def test_a_training_takes_what_is_usual_unless_it_knows_better():
    assert expected_epochs(outlook(history=epochs(2, best=1)), usual=19) == 19
    assert expected_epochs(outlook(), usual=19) == 19


def test_no_training_takes_more_than_its_limit():
    assert expected_epochs(outlook(most=2), usual=20) == 2


def test_what_is_over_takes_no_more():
    assert expected_epochs(outlook(history=epochs(7, best=7), over=True), usual=20) == 7
    assert expected_epochs(outlook(over=True), usual=20) == 0  # it could not be run


def test_what_is_usual_is_learnt_from_what_is_over():
    assert usual_epochs([outlook(), outlook()]) == 20
    over = [outlook(history=epochs(n, best=1), over=True) for n in (20, 30)]
    assert usual_epochs([*over, outlook(over=True), outlook()]) == 25
    assert epochs_in_all([*over, outlook()]) == 75


def test_a_models_epochs_take_as_long_as_they_took():
    one = outlook(history=epochs(5, best=5, seconds=30))
    assert seconds_left([one]) == 15 * 30
    assert seconds_left([one], begun=0.5) == 14.5 * 30


def test_a_model_that_has_not_run_takes_as_long_as_its_work():
    over = outlook("a", work=2.0, history=epochs(20, best=10, seconds=10), over=True)
    waiting = outlook("b", work=6.0)
    assert seconds_left([over, waiting]) == pytest.approx(20 * 30)


def test_times_of_another_seed_count_and_only_recent_ones():
    busy = epochs(5, best=1, seconds=100) + epochs(15, best=1, seconds=10)
    assert seconds_left([outlook(history=busy, over=True), outlook()]) == 20 * 10


def test_nothing_is_claimed_before_an_epoch_was_timed():
    assert seconds_left([outlook()]) is None
    assert seconds_left([outlook(over=True)]) == 0


@given(
    st.lists(
        st.builds(
            lambda model, work, most, patience, count, best, over: Outlook(
                model, work, most, patience, epochs(min(count, most), best), over
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
    assert epochs_in_all(outlooks) >= 0
    left = seconds_left(outlooks, begun)
    assert left is None or left >= 0
    assert describe_remaining(left)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (None, "time left not yet known"),
        (0, "less than a minute left"),
        (61, "about 2 min left"),
        (2350, "about 40 min left"),
        (5400, "about 90 min left"),
        (7300, "about 2.5 h left"),
        (172_800, "about 48 h left"),
    ],
)
def test_an_estimate_is_told_roughly(seconds, told):
    assert describe_remaining(seconds) == told
