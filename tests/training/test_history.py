import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lungscope.errors import LungscopeError
from lungscope.training.history import COLUMNS, Epoch, best_epoch, read_history, write_history

HEADER = ",".join(COLUMNS)


def epoch(number, accuracy):
    return Epoch(number, 0.01, 0.5, 0.8, 0.6, accuracy, accuracy, 1.5)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(
        st.builds(
            Epoch, st.integers(1, 10_000), *[st.floats(allow_nan=False)] * (len(COLUMNS) - 1)
        ),
        min_size=1,
        max_size=5,
    )
)
def test_a_history_is_read_back_to_the_last_bit(tmp_path_factory, history):
    path = tmp_path_factory.mktemp("history") / "history.csv"
    write_history(path, history)
    assert read_history(path) == tuple(history)


def test_a_loss_that_was_no_number_is_read_back(tmp_path):
    write_history(tmp_path / "history.csv", [Epoch(1, 0.01, 0.5, 0.8, math.nan, 0.3, 0.3, 1.0)])
    assert math.isnan(read_history(tmp_path / "history.csv")[0].validation_loss)


def test_the_table_has_a_row_an_epoch_under_plain_names(tmp_path):
    write_history(tmp_path / "history.csv", [epoch(1, 0.7), epoch(2, 0.75)])
    assert (tmp_path / "history.csv").read_text().splitlines() == [
        "epoch,learning_rate,train_loss,train_accuracy,"
        "validation_loss,validation_accuracy,validation_score,seconds",
        "1,0.01,0.5,0.8,0.6,0.7,0.7,1.5",
        "2,0.01,0.5,0.8,0.6,0.75,0.75,1.5",
    ]


def test_the_best_epoch_has_the_highest_validation_score_and_is_the_first_of_equals():
    accuracies = [0.7, 0.9, 0.8, 0.9, 0.9]
    history = [epoch(number, value) for number, value in enumerate(accuracies, start=1)]
    assert best_epoch(history).epoch == 2
    assert best_epoch(history[:1]).epoch == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no epoch"),
        (f"{HEADER}\n".encode(), "holds no epoch"),
        (b"file,label\na.png,Normal\n", "not a training history"),
        (f"{HEADER}\n1,2,3\n".encode(), "not a training history"),
        (f"{HEADER}\none,1,1,1,1,1,1\n".encode(), "not a training history"),
        (f"{HEADER}\n1.5,1,1,1,1,1,1\n".encode(), "not a training history"),
        (f"{HEADER}\n1,1,1,high,1,1,1\n".encode(), "not a training history"),
        (f'{HEADER}\n"1,1,1,1,1,1,1\n'.encode(), "not a training history"),
        (f"{HEADER}\n1,1,1,1,1,1,{'1' * 200_000}\n".encode(), "field larger"),
        (b"\x89PNG\r\n\x1a\n\0\xff\xfe", "not a training history"),
    ],
    ids=range(10),
)
def test_what_is_no_history_is_refused_in_one_line(tmp_path, content, message):
    (tmp_path / "history.csv").write_bytes(content)
    with pytest.raises(LungscopeError, match=message) as refusal:
        read_history(tmp_path / "history.csv")
    assert "\n" not in str(refusal.value)


def test_a_run_that_has_no_history_yet_is_asked_about(tmp_path):
    with pytest.raises(LungscopeError, match="has this run trained an epoch"):
        read_history(tmp_path / "history.csv")
