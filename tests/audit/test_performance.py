from dataclasses import replace

import pytest
from made_up import performance, unlearned

from lungscope.audit.performance import Performance
from lungscope.data.split import SplitEntry
from lungscope.estimate import Estimate
from lungscope.evaluation.bootstrap import Resampling


def test_an_accuracy_is_placed_between_the_majority_class_and_the_model():
    found = performance()
    assert found.proportion_reached(0.9) == pytest.approx(1)
    assert found.proportion_reached(1 / 3) == 0
    assert found.proportion_reached((0.9 + 1 / 3) / 2) == pytest.approx(0.5)
    assert replace(found, accuracy=Estimate(1 / 3, 0, 1)).proportion_reached(0.5) is None


def test_the_majority_class_is_that_of_the_train_subset_and_paired_with_the_model():
    answers = performance().predictions

    class Split:
        def subset(self, name):
            assert name == "train"
            return [SplitEntry(f"{n}", int(n < 5), f"{n}", f"{n}", "train") for n in range(8)]

    found = Performance.compute(answers, Split(), Resampling.over(answers.groups))
    assert found.accuracy.value == pytest.approx(0.9)
    assert found.majority.value == pytest.approx((answers.labels == 1).mean())
    assert found.gain.value == pytest.approx(0.9 - 1 / 3)
    assert found.gain.low < found.gain.value < found.gain.high
    assert (found.images, found.groups) == (300, 100)


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (replace(performance(), accuracy=Estimate(0.3, 0.2, 0.4)), "no better than the 33.3 % of"),
        (
            replace(performance(), gain=Estimate(0.02, -0.01, 0.05)),
            "not distinguishably better than always predicting the most common class (difference "
            "+2.0 points (95\u00a0% -1.0 to +5.0))",
        ),
        (unlearned(), "The model predicts b for every image"),
    ],
)
def test_a_model_that_has_learned_nothing_is_recognised(model, why):
    assert why in model.nothing_learned()
    assert performance().nothing_learned() is None
