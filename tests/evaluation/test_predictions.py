import csv
import io
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss
from torch.nn.functional import cross_entropy

from lungscope.errors import LungscopeError
from lungscope.evaluation.predictions import Predictions

CLASSES = ("Lung Opacity", "Normal", "Viral Pneumonia")


def made(probabilities, labels=None, classes=CLASSES, files=None):
    probabilities = np.asarray(probabilities, dtype=np.float64)
    count = len(probabilities)
    return Predictions(
        classes=classes,
        files=files or tuple(f"{row}.png" for row in range(count)),
        groups=tuple(f"g{row % 3}" for row in range(count)),
        labels=np.zeros(count, dtype=np.int64) if labels is None else np.asarray(labels),
        probabilities=probabilities,
    )


def of_logits(logits, labels):
    count, classes = logits.shape
    return Predictions.from_logits(
        tuple(f"class {k}" for k in range(classes)),
        tuple(f"{row}.png" for row in range(count)),
        tuple(str(row) for row in range(count)),
        np.asarray(labels, dtype=np.int64),
        logits,
    )


def written_again(predictions, folder):
    predictions.save(folder / "predictions.csv")
    return Predictions.load(folder / "predictions.csv")


# everything that a file system or a spreadsheet can hold in a name
names = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20
)


columns = names.filter(lambda name: not name.startswith("probability:"))


@st.composite
def tables(draw):
    classes = draw(st.lists(names, min_size=2, max_size=4, unique=True))
    count = draw(st.integers(1, 6))
    score = st.floats(-60, 60, allow_subnormal=False)
    row = st.lists(score, min_size=len(classes), max_size=len(classes))
    rows = draw(st.lists(row, min_size=count, max_size=count))
    several = st.lists(names, min_size=count, max_size=count)
    label = st.integers(0, len(classes) - 1)
    return Predictions.from_logits(
        tuple(classes),
        tuple(draw(several)),
        tuple(draw(several)),
        np.array(draw(st.lists(label, min_size=count, max_size=count)), dtype=np.int64),
        np.array(rows),
        tuple(draw(several)),
        draw(st.dictionaries(columns, several.map(tuple), max_size=2)),
    )


@settings(deadline=None, max_examples=60)
@given(table=tables())
def test_a_table_is_read_back_to_the_last_bit_whatever_the_names(tmp_path_factory, table):
    again = written_again(table, tmp_path_factory.mktemp("table"))
    assert (again.classes, again.files, again.groups, again.sources) == (
        table.classes,
        table.files,
        table.groups,
        table.sources,
    )
    assert again.columns == table.columns
    assert np.array_equal(again.labels, table.labels)
    assert again.labels.dtype == np.int64
    assert again.probabilities.tobytes() == table.probabilities.tobytes()


@pytest.mark.parametrize(
    "name", ["a,b", 'say "a"', "两肺", "a\nb", "a\rb", "a\r\nb", "=1+1", " a "]
)
def test_names_that_csv_finds_hard_come_back_as_they_were(tmp_path, name):
    table = made([[0.5, 0.5], [1.0, 0.0]], [0, 1], (name, "other"), (f"{name}.png", "b.png"))
    again = written_again(table, tmp_path)
    assert again.classes == (name, "other")
    assert again.files == (f"{name}.png", "b.png")


def test_the_table_is_one_that_any_csv_reader_reads(tmp_path):
    made([[0.2, 0.7, 0.1]], [2]).save(tmp_path / "predictions.csv")
    (row,) = csv.DictReader(io.StringIO((tmp_path / "predictions.csv").read_text()))
    assert row == {
        "file": "0.png",
        "group": "g0",
        "source": "",
        "label": "Viral Pneumonia",
        "predicted": "Normal",
        "probability:Lung Opacity": "0.2",
        "probability:Normal": "0.7",
        "probability:Viral Pneumonia": "0.1",
    }


@settings(deadline=None, max_examples=60)
@given(table=tables(), divisor=st.floats(0.2, 5))
def test_a_temperature_divides_the_logits_and_can_be_taken_back(table, divisor):
    tempered = table.tempered(divisor)
    logits = np.log(np.maximum(table.probabilities, np.finfo(np.float64).tiny))
    expected = torch.softmax(torch.tensor(logits / divisor), dim=1).numpy()
    assert tempered.probabilities == pytest.approx(expected, abs=1e-12)
    assert tempered.predicted.tolist() == table.predicted.tolist()
    assert (tempered.files, tempered.sources) == (table.files, table.sources)


def test_predictions_at_temperature_1_come_back_from_those_at_another():
    logits = np.random.default_rng(0).normal(0, 5, (50, 3))
    raw, warm = of_logits(logits, [0] * 50), of_logits(logits / 2.5, [0] * 50)
    assert warm.tempered(1 / 2.5).probabilities == pytest.approx(raw.probabilities, abs=1e-12)


def test_some_images_are_taken_with_all_that_is_known_of_them(tmp_path):
    table = replace(
        of_logits(np.arange(9.0).reshape(3, 3), [0, 1, 2]),
        sources=("A", "B", "C"),
        columns={"age": ("1", "2", "3")},
    )
    taken = table.take([2, 0])
    assert (taken.files, taken.sources) == (("2.png", "0.png"), ("C", "A"))
    assert (taken.columns, taken.labels.tolist()) == ({"age": ("3", "1")}, [2, 0])
    np.testing.assert_array_equal(taken.probabilities, table.probabilities[[2, 0]])


def test_of_equally_probable_classes_the_first_is_predicted():
    table = made([[0.4, 0.4, 0.2], [1 / 3, 1 / 3, 1 / 3], [0.2, 0.4, 0.4], [0.4, 0.2, 0.4]])
    assert table.predicted.tolist() == [0, 0, 1, 0]


def test_the_loss_is_pytorchs_and_scikit_learns():
    generator = np.random.default_rng(0)
    logits = generator.normal(0, 4, (200, 3))
    labels = generator.integers(0, 3, 200)
    table = of_logits(logits, labels)
    expected = cross_entropy(torch.tensor(logits), torch.tensor(labels), reduction="none")
    assert table.losses == pytest.approx(expected.numpy(), rel=1e-12, abs=1e-12)
    assert table.losses.mean() == pytest.approx(log_loss(labels, table.probabilities), rel=1e-12)


def test_scores_that_are_far_apart_overflow_nothing():
    table = of_logits(np.array([[5000.0, -5000.0], [5000.0, -5000.0]]), [0, 1])
    assert table.probabilities.tolist() == [[1, 0], [1, 0]]
    assert table.losses.tolist() == [0, pytest.approx(708.4, abs=0.01)]


@pytest.mark.parametrize("score", [np.nan, np.inf, -np.inf])
def test_scores_that_are_not_finite_are_refused_with_the_image(score):
    with pytest.raises(LungscopeError, match=r"scores of '1\.png' are not finite \(1 of 2"):
        of_logits(np.array([[0.0, 1.0], [0.0, score]]), [0, 1])


@pytest.mark.parametrize(
    "row",
    [
        [np.nan, 0.5, 0.5],
        [np.inf, 0, 0],
        [np.inf, -np.inf, 1],
        [1.5, -0.5, 0],
        [0.5, 0.4, 0],
        [0.5, 0.5, 0.5],
    ],
)
def test_what_is_no_distribution_is_refused_with_the_image(row):
    with pytest.raises(LungscopeError, match=r"'1\.png' are not 0 or more with a sum of 1"):
        made([[0.2, 0.3, 0.5], row])


def test_probabilities_of_few_digits_are_taken():
    assert made([[0.333, 0.333, 0.333]]).losses == pytest.approx([-np.log(0.333)])


def test_no_image_is_refused():
    with pytest.raises(LungscopeError, match="no image"):
        made(np.empty((0, 3)))


@pytest.mark.parametrize(
    "changes",
    [
        {"labels": np.array([0])},
        {"labels": np.array([0, 3])},
        {"labels": np.array([0, -1])},
        {"groups": ("a",)},
        {"sources": ("a",)},
        {"files": ("a",)},
        {"classes": ("a", "b")},
        {"classes": ("a", "b", "a")},
    ],
)
def test_parts_that_do_not_fit_each_other_are_a_programming_error(changes):
    parts = vars(made([[0.2, 0.3, 0.5], [0.2, 0.3, 0.5]])) | changes
    with pytest.raises(ValueError, match="predictions:"):
        Predictions(**parts)


HEADER = "file,group,source,label,predicted,probability:a,probability:b"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a table of predictions"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not a table of predictions"),
        (b"file,label\na,b\n", "columns"),
        (HEADER.encode(), "no image"),
        (f"{HEADER}\na.png,g,,a,a,0.5\n".encode(), "rows differ in length"),
        (f"{HEADER}\na.png,g,,a,a,0.5,0.5,0.5\n".encode(), "rows differ in length"),
        (f"{HEADER}\n\na.png,g,,a,a,0.5,0.5\n".encode(), "rows differ in length"),
        (f"{HEADER}\na.png,g,,c,a,0.5,0.5\n".encode(), "not a table of predictions"),
        (f"{HEADER}\na.png,g,,a,a,half,0.5\n".encode(), "half"),
        (f"{HEADER}\na.png,g,,a,a,nan,0.5\n".encode(), "sum of 1"),
        (f"{HEADER}\na.png,g,,a,a,1e999,0.5\n".encode(), "sum of 1"),
        (f"{HEADER},probability:a\na.png,g,,a,a,0.5,0.5,0\n".encode(), "same name"),
        (f'{HEADER}\n"a.png,g,,a,a,0.5,0.5\n'.encode(), "not a table of predictions"),
        (f"{HEADER}\n{'a' * 200_000}.png,g,,a,a,0.5,0.5\n".encode(), "field larger"),
        (f"{HEADER}\n\xff.png,g,,a,a,0.5,0.5\n".encode("latin-1"), "not a table of predictions"),
    ],
    ids=range(15),
)
def test_what_is_no_table_of_predictions_is_refused_in_one_line(tmp_path, content, message):
    path = tmp_path / "predictions.csv"
    path.write_bytes(content)
    with pytest.raises(LungscopeError, match=message) as refusal:
        Predictions.load(path)
    assert str(refusal.value).startswith(f"{path}: ")
    assert "\n" not in str(refusal.value)


@settings(deadline=None, max_examples=60)
@given(
    content=st.binary(max_size=200) | st.text(max_size=200).map(lambda t: f"{HEADER}\n{t}".encode())
)
def test_any_bytes_are_a_table_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("hostile") / "predictions.csv"
    path.write_bytes(content)
    with suppress(LungscopeError):
        assert Predictions.load(path).files


def test_a_table_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(LungscopeError, match="No such file"):
        Predictions.load(tmp_path / "predictions.csv")
