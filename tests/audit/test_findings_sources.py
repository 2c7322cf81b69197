from collections import Counter, defaultdict
from dataclasses import replace

import numpy as np
import pytest

from lungscope.audit.audit import Measured
from lungscope.audit.baselines import Baseline
from lungscope.audit.findings_sources import alike_by_source, source_told
from lungscope.audit.source_probe import Probe, SourceProbe, probe_sources
from lungscope.audit.subgroups import by_group, by_source
from lungscope.data.association import cramers_v
from lungscope.data.split import SplitEntry
from lungscope.estimate import Estimate
from lungscope.evaluation.predictions import Predictions

CLASSES = ("a", "b", "c")


def measured(counts, told=False, wrong=(), majority=1 / 3):
    """What is measured of a model where classes come from sources.

    A third of the images is in the test subset, a third in the validation subset; each is a group.

    Args:
        counts: (class, source) -> images.
        told: whether features tell the source.
        wrong: sources of which every other test image is wrongly classified.
        majority: the accuracy of the majority class.
    """
    kinds = [kind for kind, images in counts.items() for _ in range(images)]
    entries = [
        SplitEntry(
            f"{n}", CLASSES.index(c), f"{n}", f"g{n}", ("test", "validation", "train")[n % 3], s
        )
        for n, (c, s) in enumerate(kinds)
    ]
    held_out = [entry for entry in entries if entry.subset != "train"]
    features = np.random.default_rng(0).normal(size=(len(held_out), 4))
    if told:
        features[:, 0] += [8.0 * (entry.source == "north") for entry in held_out]
    tested = [entry for entry in entries if entry.subset == "test"]
    labels = np.array([entry.label for entry in tested])
    spoilt = [entry.source in wrong and n % 2 == 0 for n, entry in enumerate(tested)]
    predicted = np.where(spoilt, (labels + 1) % 3, labels)
    sources = tuple(entry.source or "" for entry in tested)
    made = Predictions(
        CLASSES,
        tuple(entry.file for entry in tested),
        tuple(entry.group for entry in tested),
        labels,
        np.eye(3)[predicted],
        sources,
    )
    accuracy = float((predicted == labels).mean())
    origins = defaultdict(Counter)
    for (name, source), images in counts.items():
        origins[name][source or "unknown"] += images
    known = any(source for _, source in counts)
    return Measured(
        predictions=made,
        accuracy=Estimate(accuracy, accuracy, accuracy),
        baselines=(Baseline("majority", "", "", Estimate(majority, 0, 1), np.ones(0, bool)),),
        gains={"majority": Estimate(accuracy - majority, accuracy - majority - 0.1, 1.0)},
        masks=(),
        by_source=by_source(made),
        by_group=by_group(made),
        origins=origins,
        confounding=cramers_v([c for c, _ in kinds], [s or "unknown" for _, s in kinds])
        if known
        else None,
        probe=probe_sources(features, held_out, CLASSES),
        leaks=None,
        mistakes=(),
        robustness=None,
        faithfulness=None,
        randomisation=None,
    )


def crossed(images):
    """Every class from both sources, so many images each."""
    return {(name, source): images for name in CLASSES for source in ("north", "south")}


def apart(images):
    """Every class from a source of its own."""
    return {("a", "north"): images, ("b", "south"): images, ("c", "east"): images}


@pytest.mark.parametrize("images", [6, 60])
def test_sources_that_are_the_classes_fail_with_many_images_and_with_few(images):
    found = source_told(measured(apart(images)))
    assert found.verdict == "fail"
    assert found.statement == (
        "Class and source go together with Cramér's V 1.00. No class has images of two sources. "
        "There is no telling whether the model sees the class or the source."
    )


def test_too_few_groups_to_probe_are_said_to_be_too_few_and_how_many_it_takes():
    found = source_told(measured(crossed(6)))
    assert found.verdict == "not-measured"
    assert found.statement == (
        "Too few groups to probe: it takes a class with two sources that have 5 groups or more "
        "each among its validation and test images. Class and source go together with Cramér's V "
        "0.00."
    )


def test_too_few_groups_to_probe_fail_where_class_and_source_go_together():
    counts = {("a", "north"): 90, ("a", "south"): 3, ("b", "south"): 90, ("c", "south"): 90}
    found = source_told(measured(counts))
    assert found.verdict == "fail"
    assert "Too few groups to probe" in found.statement
    assert "No class has images of two sources" not in found.statement


def test_a_source_that_one_class_alone_names_is_one_that_goes_with_the_class():
    counts = {("a", "north"): 30, ("b", None): 30, ("c", None): 30}
    found = source_told(measured(counts))
    assert found.verdict == "fail"
    assert found.statement == (
        "Class and source go together with Cramér's V 0.99, images of unknown source counted as "
        "one more source. The data names one source only: north. There is no telling whether the "
        "model sees the class or the source."
    )


def test_two_sources_of_one_class_are_not_said_to_be_none():
    counts = {("a", "north"): 6, ("a", "south"): 6, ("b", None): 12, ("c", None): 12}
    found = source_told(measured(counts))
    assert found.verdict == "fail"
    assert "Too few groups to probe" in found.statement
    assert "counted as one more source" in found.statement


def test_one_source_of_all_is_no_answer_and_no_pass():
    found = source_told(measured({(name, "north"): 30 for name in CLASSES}))
    assert found.verdict == "not-measured"
    assert found.statement.startswith("The data names one source only: north.")
    assert alike_by_source(measured({(name, "north"): 30 for name in CLASSES})).statement == (
        "All test images are of one source: north."
    )


def test_no_source_is_no_answer_and_no_pass():
    blind = measured(dict.fromkeys(((name, None) for name in CLASSES), 30))
    for found, words in (
        (source_told(blind), "No image's source is known."),
        (alike_by_source(blind), "No test image's source is known."),
    ):
        assert (found.verdict, found.statement) == ("not-measured", words)


def test_a_told_source_warns_and_fails_where_it_goes_with_the_class():
    assert source_told(measured(crossed(30), told=True)).verdict == "warn"
    together = {("a", "north"): 30, ("a", "south"): 30, ("b", "north"): 60, ("c", "south"): 60}
    found = source_told(measured(together, told=True))
    assert found.verdict == "fail"
    assert "within a" in found.statement
    assert "within b" not in found.statement


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(0.40, 0.70, "pass"), (0.40, 0.80, "warn"), (0.51, 0.70, "warn")],
)
def test_a_probe_passes_where_it_is_shown_to_tell_little(low, high, verdict):
    probe = Probe({}, {}, Estimate(0.6, low, high), 0.5)
    asked = SourceProbe(probe, probe, {"a": probe, "b": None}, 0)
    told = source_told(replace(measured(crossed(30)), probe=asked))
    assert told.verdict == verdict
    assert ("cannot be excluded: too few images" in told.statement) == (high > 0.75)


def test_sources_alike_pass_on_many_images_and_are_in_doubt_on_few():
    assert alike_by_source(measured(crossed(600))).verdict == "pass"
    few = alike_by_source(measured(crossed(9)))
    assert few.verdict == "warn"
    assert "points in recall of a cannot be excluded: too few images." in few.statement


def test_a_third_source_of_few_images_leaves_a_gap_that_is_not_excluded():
    counts = crossed(600) | {(name, "east"): 9 for name in CLASSES}
    assert alike_by_source(measured(counts)).verdict == "warn"


def test_a_certain_gap_warns_or_fails_and_names_no_doubt():
    found = alike_by_source(measured(crossed(60), wrong=("south",)))
    assert found.verdict == "fail"
    assert "north is +" in found.statement
    assert "excluded" not in found.statement


def test_a_gap_between_sources_that_are_the_classes_is_one_between_classes():
    found = alike_by_source(measured(apart(600)))
    assert found.verdict == "not-measured"
    assert "No class has test images of two sources" in found.statement
    assert alike_by_source(measured(apart(600), wrong=("east",))).verdict == "fail"


def test_a_model_that_has_learned_nothing_is_not_praised_for_being_so_everywhere():
    found = alike_by_source(measured(crossed(600), majority=1.0))
    assert found.verdict == "not-measured"
    assert "no better than the majority class" in found.statement
