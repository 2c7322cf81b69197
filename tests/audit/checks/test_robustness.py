import json
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from made_up import STILL, context, effect, performance, robustness, unlearned

from lungscope.audit.checks.robustness import conclude_robustness, measure_robustness
from lungscope.audit.corruptions import CORRUPTIONS
from lungscope.estimate import Estimate
from lungscope.evaluation import subset_predictions
from lungscope.models.network import to_unit


@pytest.fixture
def run(reader, written):
    def run(place="centre", **options):
        cache, entries = written(place)
        return measure_robustness(context(reader(place), cache, entries, **options))

    return run


def levels(found):
    return {
        (response.name, level.severity): level
        for response in found.responses
        for level in response.levels
    }


def test_every_corruption_is_run_at_every_severity_with_its_value(run):
    found = run()
    assert [response.name for response in found.responses] == [p.name for p in CORRUPTIONS]
    for response, corruption in zip(found.responses, CORRUPTIONS, strict=True):
        assert [level.severity for level in response.levels] == [1, 2, 3, 4, 5]
        assert tuple(level.value for level in response.levels) == corruption.values
        assert (response.title, response.quantity) == (corruption.title, corruption.quantity)


def test_each_accuracy_is_the_models_on_images_corrupted_like_that(run, reader, written):
    cache, entries = written("corner")
    images = to_unit(torch.from_numpy(cache.pixels).unsqueeze(1))
    labels = np.array([entry.label for entry in entries])
    found = levels(run("corner"))
    accuracies = set()
    for corruption in CORRUPTIONS:
        for severity in (1, 3, 5):
            network = reader("corner").network
            answers = network(corruption.at(severity)(images)).argmax(dim=1).numpy()
            effect = found[corruption.name, severity].effect
            assert effect.accuracy.value == pytest.approx((answers == labels).mean())
            assert effect.flips.value == pytest.approx((answers != labels).mean())
            accuracies.add(effect.accuracy.value)
    assert len(accuracies) > 2


def test_a_model_that_reads_grey_levels_keeps_them_in_a_jpeg_and_loses_them_with_contrast(run):
    found = levels(run())
    for severity in range(1, 6):
        assert found["jpeg", severity].effect.accuracy.value == 1
    assert found["contrast", 5].effect.accuracy.value == pytest.approx(1 / 3)
    assert found["contrast", 5].effect.difference.value == pytest.approx(-2 / 3)
    assert found["contrast", 5].effect.flips.value == pytest.approx(2 / 3)


def test_the_average_counts_every_corruption_and_severity_the_same(run):
    found = run("corner")
    each = [level.effect.accuracy.value for level in levels(found).values()]
    assert found.average.value == pytest.approx(np.mean(each))
    assert found.average.low <= found.average.value <= found.average.high
    assert found.clean.value == 1


def test_twice_the_same_question_gives_the_same_bytes_in_whichever_batches(run, monkeypatch):
    one = json.dumps(asdict(run()), allow_nan=False)
    monkeypatch.setattr(subset_predictions, "BATCH", 7)
    assert json.dumps(asdict(run()), allow_nan=False) == one


def test_progress_goes_over_all_passes(run, monkeypatch):
    monkeypatch.setattr(subset_predictions, "BATCH", 20)
    told = []
    run(progress=lambda _: lambda *done: told.append(done))
    assert told == [
        (done, 1050) for start in range(0, 1050, 30) for done in (start + 20, start + 30)
    ]


def with_blur(changes):
    """Blur that changes the accuracy by severity so; noise changes nothing."""
    found = robustness()
    blur, noise = found.responses
    levels = tuple(
        replace(each, effect=effect(changes.get(each.severity, STILL))) for each in blur.levels
    )
    return replace(found, responses=(replace(blur, levels=levels), noise))


def conclude(changes, of=None):
    (finding,) = conclude_robustness(with_blur(changes), of or performance())
    return finding


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({1: Estimate(-0.2, -0.3, -0.1)}, "fail"),
        ({2: Estimate(-0.07, -0.1, -0.01)}, "warn"),
        ({2: Estimate(-0.07, -0.2, 0.01)}, "warn"),
        ({2: Estimate(-0.02, -0.04, 0.01)}, "pass"),
        ({5: Estimate(-0.5, -0.6, -0.4)}, "pass"),
        ({1: Estimate(-0.3, -0.7, 0.1), 2: Estimate(-0.2, -0.3, -0.1)}, "fail"),
    ],
)
def test_only_mild_corruptions_count_the_most_severe_cost_first(changes, verdict):
    assert conclude(changes).verdict == verdict


@pytest.mark.parametrize(("groups", "verdict"), [(15, "warn"), (59, "warn"), (60, "pass")])
def test_no_drop_in_few_groups_excludes_none(groups, verdict):
    assert conclude({}, performance(images=3 * groups, groups=groups)).verdict == verdict


def test_the_costliest_corruption_is_named_or_that_none_costs_anything():
    found = conclude({1: Estimate(-0.2, -0.3, -0.1)}).statement
    assert "blur of severity 1 costs most: -20.0 points (95\u00a0% -30.0 to -10.0)." in found
    for change in (STILL, Estimate(0.01, 0.0, 0.02)):
        found = conclude({1: change, 2: change}).statement
        assert found.startswith("No mild corruption (severity 1 or 2) lowered the accuracy.")
        assert "most" not in found
    found = conclude({2: Estimate(-0.02, -0.09, 0.01)}).statement
    assert "A drop of more than 5 points cannot be excluded" in found


def test_a_model_that_has_learned_nothing_gets_no_pass():
    assert conclude({}, unlearned()).verdict == "not-measured"
