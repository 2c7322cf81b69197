import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from lungscope.audit.audit import measure
from lungscope.audit.findings import earned, findings
from lungscope.data.cache import open_cache
from lungscope.data.index import Index
from lungscope.data.splitting import split
from lungscope.data.survey import survey
from lungscope.evaluation.bootstrap import Estimate

LEVELS = (40, 128, 216)
SIZE = 32
PLACES = {
    "centre": (slice(12, 20), slice(12, 20)),
    "border": (slice(0, 4), slice(12, 20)),
}
CLASSES = ("a", "b", "c")


def write(folder, place, count=150):
    """Noise with the class written at a place; the source goes half with the class."""
    generator = np.random.default_rng(0)
    rows = ["file,label,group,source"]
    for number in range(count):
        image = generator.integers(100, 156, (SIZE, SIZE), dtype=np.uint8)
        image[PLACES[place]] = LEVELS[number % 3]
        folder.mkdir(parents=True, exist_ok=True)
        larger = image.repeat(2, axis=0).repeat(2, axis=1)  # 32 x 32 is too small for a radiograph
        Image.fromarray(larger).save(folder / f"{number}.png")
        source = "north" if number % 3 == 0 or number % 2 else "south"
        rows.append(f"{number}.png,{CLASSES[number % 3]},g{number // 2},{source}")
    (folder / "metadata.csv").write_text("\n".join(rows))


@pytest.fixture(scope="module")
def measured(tmp_path_factory, reader):
    """Makes everything that is measured of a model that reads one place, where the class stands."""

    def measured(place):
        folder = tmp_path_factory.mktemp(place)
        write(folder / "images", place)
        index = Index.open(folder / "images" / "metadata.csv")
        surveyed = survey(index, workers=1)
        made = split(index, surveyed, (0.4, 0.2, 0.4))
        cache = open_cache(index.root, made.entries, SIZE, folder / "cache", workers=1)
        return measure(reader(place), made, cache, index, surveyed)

    return {place: measured(place) for place in PLACES}


@pytest.fixture(scope="module")
def lung(measured):
    return measured["centre"]


def verdicts(found):
    return {finding.name: finding.verdict for finding in findings(found)}


def test_a_model_that_reads_the_border_fails_where_it_is_caught(measured):
    found = verdicts(measured["border"])
    assert measured["border"].accuracy.value == 1
    assert found["border-baseline"] != "pass"
    assert found["centre-masked"] == "fail"
    assert found["border-masked"] == "fail"


def test_a_model_that_reads_the_centre_passes_there(lung):
    found = verdicts(lung)
    assert lung.accuracy.value == 1
    assert found["border-baseline"] == "pass"
    assert found["centre-masked"] == "pass"
    assert found["border-masked"] == found["corners-masked"] == "pass"
    assert found["leaks"] == "pass"
    # the class is written so large that a thumbnail shows it, and that it moves the mean
    assert found["thumbnail-baseline"] != "pass"
    assert found["statistics-baseline"] != "pass"


def test_what_a_shortcut_earns_is_counted_from_the_majority_class_on(lung):
    majority = next(each.accuracy.value for each in lung.baselines if each.name == "majority")
    assert earned(lung, lung.accuracy.value) == 1
    assert earned(lung, majority) == 0
    assert earned(lung, (lung.accuracy.value + majority) / 2) == pytest.approx(0.5)
    assert earned(replace(lung, accuracy=Estimate(majority, 0, 1)), 0.5) is None


def with_gain(measured, accuracy, low):
    """The same with a border baseline of that accuracy, and a gain from `low` on."""
    changed = [
        replace(each, accuracy=Estimate(accuracy, 0, 1)) if each.name == "border" else each
        for each in measured.baselines
    ]
    gains = measured.gains | {"border": Estimate(measured.accuracy.value - accuracy, low, 1)}
    return replace(measured, baselines=tuple(changed), gains=gains)


@pytest.mark.parametrize(
    ("accuracy", "low", "verdict"),
    [(0.50, 0.2, "pass"), (0.75, 0.2, "warn"), (0.98, -0.01, "fail"), (0.98, 0.01, "warn")],
)
def test_a_baseline_warns_from_half_the_way_and_fails_at_no_difference(
    lung, accuracy, low, verdict
):
    assert verdicts(with_gain(lung, accuracy, low))["border-baseline"] == verdict


def with_mask(measured, name, **effect):
    masks = [
        replace(each, effect=replace(each.effect, **effect)) if each.name == name else each
        for each in measured.masks
    ]
    return replace(measured, masks=tuple(masks))


@pytest.mark.parametrize(
    ("difference", "verdict"),
    [
        (Estimate(-0.03, -0.08, 0.01), "pass"),
        (Estimate(-0.03, -0.08, -0.01), "warn"),
        (Estimate(-0.06, -0.08, -0.01), "fail"),
        (Estimate(-0.06, -0.15, 0.01), "pass"),
    ],
)
def test_hidden_corners_warn_when_missed_and_fail_when_missed_much(lung, difference, verdict):
    assert verdicts(with_mask(lung, "corners", difference=difference))["corners-masked"] == verdict


@pytest.mark.parametrize(
    ("accuracy", "verdict"),
    [
        (Estimate(0.4, 0.3, 0.5), "pass"),
        (Estimate(0.5, 0.45, 0.6), "warn"),
        (Estimate(0.9, 0.8, 1.0), "fail"),
    ],
)
def test_a_hidden_centre_warns_of_what_is_left_and_fails_at_half(lung, accuracy, verdict):
    assert verdicts(with_mask(lung, "centre", accuracy=accuracy))["centre-masked"] == verdict


def test_no_source_column_is_no_answer_and_no_pass(lung):
    blind = replace(lung, probe=None, by_source=None, confounding=None)
    found = verdicts(blind)
    assert found["source-probe"] == found["by-source"] == "not-measured"


def telling(probe, low, chance=0.5):
    within = {
        name: each and replace(each, balanced_accuracy=Estimate(0.9, low, 1.0), chance=chance)
        for name, each in probe.within.items()
    }
    return replace(probe, within=within)


@pytest.mark.parametrize(
    ("low", "confounding", "verdict"),
    [(0.4, 0.9, "pass"), (0.6, 0.2, "warn"), (0.6, 0.9, "fail")],
)
def test_a_told_source_warns_and_fails_where_it_goes_with_the_class(
    lung, low, confounding, verdict
):
    changed = replace(lung, probe=telling(lung.probe, low), confounding=confounding)
    assert verdicts(changed)["source-probe"] == verdict


def test_sources_that_no_class_shares_leave_the_question_open_and_so_fail(lung):
    apart = replace(lung.probe, within=dict.fromkeys(lung.probe.within))
    assert verdicts(replace(lung, probe=apart, confounding=1.0))["source-probe"] == "fail"


@pytest.mark.parametrize(("low", "verdict"), [(-0.01, "pass"), (0.01, "warn"), (0.06, "fail")])
def test_a_gap_between_sources_warns_when_certain_and_fails_when_large(lung, low, verdict):
    gap = replace(lung.by_source.accuracy_gap, difference=Estimate(0.2, low, 0.4))
    changed = replace(
        lung.by_source, accuracy_gap=gap, recall_gaps=dict.fromkeys(lung.by_source.recall_gaps)
    )
    assert verdicts(replace(lung, by_source=changed))["by-source"] == verdict


def test_leaks_fail_and_what_could_not_be_seen_warns(lung):
    pair = object.__new__(type("Pair", (), {"first": "1.png", "second": "2.png"}))
    assert verdicts(replace(lung, leaks=replace(lung.leaks, pairs=(pair,))))["leaks"] == "fail"
    assert verdicts(replace(lung, leaks=replace(lung.leaks, grouped=0)))["leaks"] == "warn"
    unseen = replace(lung.leaks, unseen=("gone.png",))
    assert verdicts(replace(lung, leaks=unseen))["leaks"] == "warn"


@pytest.mark.parametrize(
    ("strength", "difference", "verdict"),
    [
        (1, Estimate(-0.2, -0.3, -0.1), "fail"),
        (2, Estimate(-0.07, -0.1, -0.01), "warn"),
        (2, Estimate(-0.07, -0.2, 0.01), "pass"),
        (5, Estimate(-0.5, -0.6, -0.4), "pass"),
    ],
)
def test_only_mild_perturbations_are_held_against_a_model(lung, strength, difference, verdict):
    still = Estimate(0, 0, 0)
    first, *others = (
        replace(
            response,
            levels=tuple(
                replace(level, effect=replace(level.effect, difference=still))
                for level in response.levels
            ),
        )
        for response in lung.robustness.responses
    )
    spoilt = replace(
        first,
        levels=tuple(
            replace(level, effect=replace(level.effect, difference=difference))
            if level.strength == strength
            else level
            for level in first.levels
        ),
    )
    changed = replace(lung, robustness=replace(lung.robustness, responses=(spoilt, *others)))
    assert verdicts(changed)["robustness"] == verdict


@pytest.mark.parametrize(("low", "verdict"), [(0.86, "pass"), (0.80, "warn")])
def test_too_few_images_are_said_to_be_too_few(lung, low, verdict):
    assert verdicts(replace(lung, accuracy=Estimate(0.9, low, 0.95)))["test-size"] == verdict


def test_every_finding_says_what_it_means_in_a_line(lung):
    for finding in findings(lung):
        assert finding.title.endswith("?")
        assert finding.statement.endswith((".", ".)"))
        assert finding.threshold.endswith(".")
        assert "\n" not in finding.statement + finding.threshold


def test_the_json_holds_the_findings_and_all_that_they_follow_from(lung):
    written = json.loads(json.dumps(lung.to_json(findings(lung)), allow_nan=False))
    assert written["images"] == len(lung.predictions.files)
    assert [each["name"] for each in written["findings"]] == list(verdicts(lung))
    assert {each["name"] for each in written["baselines"]} == {
        "thumbnail",
        "border",
        "statistics",
        "majority",
    }
    assert len(written["robustness"]["responses"]) == 7
