import json
import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, log_loss

from lungscope.comparison.comparison import Replicated, bootstrap_differences, compare
from lungscope.comparison.pair import describe_pair, format_p, format_points
from lungscope.comparison.significance import estimate_images_needed, holm_adjust
from lungscope.evaluation.bootstrap import Resampling
from lungscope.evaluation.evaluation import evaluate
from lungscope.evaluation.metrics import METRICS as REGISTERED
from lungscope.evaluation.predictions import Predictions

CLASSES = ("Lung Opacity", "Normal", "Viral Pneumonia")


def answering(rights, group_size=1, count=300):
    """Models that are right on the given images, surely, and else take the next class."""
    labels = np.arange(count) % 3
    answers = {}
    for name, right in rights.items():
        called = np.where(np.isin(np.arange(count), list(right)), labels, (labels + 1) % 3)
        noise = np.random.default_rng(len(answers)).uniform(0.6, 0.9, count)
        probabilities = np.repeat(((1 - noise) / 2)[:, None], 3, axis=1)
        probabilities[np.arange(count), called] = noise
        answers[name] = Predictions(
            CLASSES,
            tuple(f"{row:03}.png" for row in range(count)),
            tuple(f"g{row // group_size}" for row in range(count)),
            labels,
            probabilities,
        )
    return answers


def only_pair(rights, **options):
    (pair,) = compare(answering(rights, **options)).pairs
    return pair


def test_a_difference_that_chance_explains():
    pair = only_pair({"A": range(270), "B": [*range(6, 270), *range(270, 272)]})
    assert (pair.mcnemar.only_first, pair.mcnemar.only_second) == (6, 2)
    assert pair.differences["accuracy"].value == pytest.approx(4 / 300)
    assert not pair.distinguishable
    assert pair.better is None
    expected = estimate_images_needed(8 / 300, 4 / 300)
    assert pair.images_needed == pytest.approx(expected)
    about = f"{float(f'{expected:.2g}'):,.0f}"
    low, high = (format_points(x, 300) for x in (pair.differences["accuracy"].low, 0.0333333))
    assert describe_pair(pair) == (
        f"A - B: accuracy +1.3 points, 95 % {low} to {high}: not distinguishable on 300 images in "
        f"300 groups (p = 0.29); about {about} images would be needed"
    )


def test_a_difference_that_chance_does_not_explain_names_the_better_model():
    rights = {"A": range(200), "B": range(270)}
    pair = only_pair(rights)
    assert pair.better == "B"
    assert "B is better, distinguishable on 300 images" in describe_pair(pair)
    assert "needed" not in describe_pair(pair)
    assert only_pair({"B": rights["B"], "A": rights["A"]}).better == "B"


def test_an_exact_tie_is_said_to_be_one():
    pair = only_pair({"A": range(270), "B": range(10, 280)})
    assert pair.images_needed is None
    said = describe_pair(pair)
    assert "accuracy exactly equal, 95 % -" in said
    assert "no number of images" in said


def test_images_of_a_group_that_fall_together_are_fewer_than_they_seem():
    rights = {"A": range(250), "B": range(275)}
    alone, together = only_pair(rights), only_pair(rights, group_size=25)
    assert alone.distinguishable
    assert together.mcnemar.p_images == alone.mcnemar.p_images < 1e-6
    assert together.mcnemar.p_groups == 1  # one group of twelve decides it all
    assert not together.distinguishable
    assert together.design_effect > 10


@pytest.mark.parametrize("group_size", [60, 300])
def test_of_few_groups_nothing_is_said_however_clear_they_look(group_size):
    pair = only_pair({"A": range(0, 300, 4), "B": range(300)}, group_size=group_size)
    assert pair.mcnemar.p_images < 1e-12
    assert not pair.distinguishable
    assert (pair.design_effect, pair.images_needed) == (None, None)
    assert "too few groups" in describe_pair(pair)


def test_several_pairs_are_corrected_by_holm():
    rights = {"A": range(262), "B": range(270), "C": range(266), "D": range(150)}
    compared = compare(answering(rights))
    assert [(p.first, p.second) for p in compared.pairs] == list(combinations("ABCD", 2))
    for corrected, raw in (("p_groups", "p_groups"), ("p_images", "p_images")):
        expected = holm_adjust([getattr(pair.mcnemar, raw) for pair in compared.pairs])
        assert tuple(getattr(pair, corrected) for pair in compared.pairs) == expected
    areas = [(pair, label) for pair in compared.pairs for label in CLASSES]
    expected = holm_adjust([pair.areas[label].p for pair, label in areas])
    assert tuple(pair.p_areas[label] for pair, label in areas) == expected
    first = compared.pairs[0]  # A - B: 8 images, p = 0.008 alone, 3 pairs with D are far smaller
    assert first.mcnemar.p_groups == pytest.approx(2 / 2**8)
    assert first.distinguishable is (first.p_groups < 0.05)
    assert "after Holm over 6 pairs" in describe_pair(first)


def test_where_images_were_enough_and_the_correction_decides_no_number_is_given():
    eight = {f"M{k}": range(262 + 8 * k) for k in range(2)}
    others = {f"N{k}": [*range(262 - k), *range(292, 292 + k)] for k in range(1, 6)}
    pairs = {(p.first, p.second): p for p in compare(answering(eight | others)).pairs}
    pair = pairs["M0", "M1"]
    assert not pair.distinguishable
    assert pair.mcnemar.p_groups < 0.01 < 0.05 < pair.p_groups
    assert pair.images_needed < pair.images
    assert describe_pair(pair).endswith("pairs)")


def test_a_class_of_one_image_has_no_area_test():
    answers = answering({"A": range(270), "B": range(260)})
    for name, each in answers.items():
        labels = np.minimum(each.labels, 1)
        labels[0] = 2
        answers[name] = Predictions(CLASSES, each.files, each.groups, labels, each.probabilities)
    (pair,) = compare(answers).pairs
    assert pair.areas["Viral Pneumonia"] is None
    assert set(pair.p_areas) == {"Lung Opacity", "Normal"}
    assert pair.to_json()["auc_one_vs_rest"]["Viral Pneumonia"] is None


def test_where_there_is_no_interval_its_ends_are_null():
    answers = answering({"A": range(270), "B": range(260)})
    alone = {
        name: Predictions(CLASSES, e.files, ("p",) * 300, e.labels, e.probabilities)
        for name, e in answers.items()
    }
    (pair,) = compare(alone).pairs
    assert not pair.differences["accuracy"].has_interval
    assert pair.to_json()["differences"]["accuracy"] == {
        "value": pytest.approx(10 / 300),
        "low": None,
        "high": None,
    }
    same = compare({"A": answers["A"], "B": answers["A"]}).pairs[0].to_json()
    assert same["auc_one_vs_rest"]["Normal"]["difference"] == {
        "value": 0,
        "low": None,
        "high": None,
    }


def test_the_json_is_strict_and_names_every_method():
    compared = compare(answering({"A": range(270), "B": range(260), "C": range(265)}))
    value = json.loads(json.dumps(compared.to_json(), allow_nan=False))
    assert (value["images"], value["groups"], len(value["pairs"])) == (300, 300, 3)
    assert tuple(value["models"]["A"]) == METRICS
    assert {"accuracy", "f1_weighted", "f1_macro", "loss"} <= set(METRICS)
    first = value["pairs"][0]
    assert first["differences"]["accuracy"]["value"] == pytest.approx(10 / 300)
    assert first["auc_one_vs_rest"].keys() == set(CLASSES)
    assert first["verdict"] == "first-better"
    for name in ("differences", "accuracy_test", "auc_one_vs_rest", "images_needed"):
        assert name in first
        assert name in value["methods"]
    for method in value["methods"].values():
        assert not any(" " in str(code) for code in method.values())


@pytest.mark.parametrize(
    ("first", "second", "group_size", "code"),
    [
        (range(270), range(200), 1, "first-better"),
        (range(200), range(270), 1, "second-better"),
        (range(270), range(268), 1, "not-distinguishable"),
        (range(270), range(10, 280), 1, "equal"),
        (range(200), range(270), 60, "too-few-groups"),
        (range(270), range(10, 280), 60, "too-few-groups"),
    ],
)
def test_the_verdict_is_a_code(first, second, group_size, code):
    pair = only_pair({"A": first, "B": second}, group_size=group_size)
    assert pair.verdict == pair.to_json()["verdict"] == code


def test_the_same_answers_give_the_same_comparison():
    answers = answering({"A": range(270), "B": range(260)})
    assert compare(answers).to_json() == compare(answers).to_json()


@pytest.mark.parametrize(
    ("value", "images", "expected"),
    [
        (0.004, 302, "+0.4"),
        (-0.0113, 302, "-1.1"),
        (-0.0001, 302, "+0.0"),
        (0.01, 1000, "+1.0"),
        (0.0004, 2500, "+0.04"),
        (0.5, 2, "+50.0"),
    ],
)
def test_points_are_as_fine_as_one_image(value, images, expected):
    assert format_points(value, images) == expected


def test_p_values_keep_two_digits():
    assert [format_p(p) for p in (1e-9, 0.0049, 0.0451, 0.45, 1)] == [
        "< 0.001",
        "0.005",
        "0.045",
        "0.45",
        "1.00",
    ]


def test_the_statistics_never_import_torch():
    code = "import sys, lungscope.comparison.comparison; print('torch' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "False"


METRICS = tuple(name for name, each in REGISTERED.items() if each.compared)


def two_models(count=120, groups=40, seed=0, second=1.3):
    """Two models that find the same images hard."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 3, count)
    common = generator.normal(size=(count, 3))
    for strength in (1.5, second):
        logits = common + 0.4 * generator.normal(size=(count, 3))
        logits[np.arange(count), labels] += strength
        files = tuple(f"{row}.png" for row in range(count))
        yield Predictions.from_logits(
            CLASSES, files, tuple(f"g{row % groups}" for row in range(count)), labels, logits
        )


def measured(predictions, rows):
    labels, predicted = predictions.labels[rows], predictions.predicted[rows]
    averaged = {
        f"f1_{average}": f1_score(
            labels, predicted, labels=range(3), average=average, zero_division=0
        )
        for average in ("weighted", "macro")
    }
    loss = log_loss(labels, predictions.probabilities[rows], labels=range(3))
    return {"accuracy": accuracy_score(labels, predicted), **averaged, "loss": loss}


def test_every_draw_is_scikit_learns_metric_of_the_drawn_images():
    first, _ = two_models(30, groups=9)
    resampling = Resampling.over(first.groups, draws=12)
    found = Replicated.of(first, resampling)
    assert tuple(found.values) == tuple(found.replicates) == METRICS
    for draw, counts in enumerate(resampling.counts[:, resampling.group].astype(int)):
        for name, expected in measured(first, np.repeat(np.arange(30), counts)).items():
            assert found.replicates[name][draw] == pytest.approx(expected)


def test_values_and_intervals_of_one_model_are_those_of_its_evaluation():
    first, _ = two_models()
    found, overall = Replicated.of(first, Resampling.over(first.groups)), evaluate(first).overall
    for name in METRICS:
        assert found.values[name] == pytest.approx(overall[name].value)
        low, high = np.percentile(found.replicates[name], [2.5, 97.5])
        assert (low, high) == pytest.approx((overall[name].low, overall[name].high))


def test_both_models_are_measured_on_the_same_draws():
    first, second = two_models(30, groups=9)
    resampling = Resampling.over(first.groups, draws=300)
    found = bootstrap_differences(
        Replicated.of(first, resampling), Replicated.of(second, resampling)
    )
    drawn = []
    for counts in resampling.counts[:, resampling.group].astype(int):
        rows = np.repeat(np.arange(30), counts)
        drawn.append(measured(first, rows)["loss"] - measured(second, rows)["loss"])
    assert (found["loss"].low, found["loss"].high) == pytest.approx(
        tuple(np.percentile(drawn, [2.5, 97.5]))
    )


def test_a_model_does_not_differ_from_itself():
    first, _ = two_models()
    itself = Replicated.of(first, Resampling.over(first.groups))
    for found in bootstrap_differences(itself, itself).values():
        assert (found.low, found.value, found.high) == (0, 0, 0)


def test_95_percent_of_intervals_hold_the_true_difference():
    # Groups share how hard they are, and which model they suit; the models are equally good.
    generator, sets, held = np.random.default_rng(7), 250, 0
    for seed in range(sets):
        group = np.repeat(np.arange(50), generator.integers(1, 9, size=50))
        count = len(group)
        labels = generator.integers(0, 3, count)
        hard, suits = generator.normal(size=50)[group], generator.normal(size=50)[group]
        models = []
        for sign in (1, -1):
            logits = generator.normal(size=(count, 3))
            logits[np.arange(count), labels] += 1.2 - hard + 0.7 * sign * suits
            names = tuple(map(str, range(count)))
            groups = tuple(map(str, group))
            models.append(Predictions.from_logits(CLASSES, names, groups, labels, logits))
        resampling = Resampling.over(models[0].groups, draws=300, seed=seed)
        found = bootstrap_differences(*(Replicated.of(model, resampling) for model in models))[
            "accuracy"
        ]
        held += found.low <= 0 <= found.high
    assert 0.90 <= held / sets <= 0.985
