"""What would be measured of a model where classes come from sources."""

from collections import Counter

import numpy as np

from lungscope.audit.checks.source_probe import Sources, conclude_sources, probe_sources
from lungscope.audit.checks.subgroups import compute_by_source, conclude_by_source
from lungscope.audit.performance import Performance
from lungscope.data.checks.columns import cramers_v
from lungscope.data.split import SplitEntry
from lungscope.estimate import Estimate
from lungscope.evaluation.predictions import Predictions

CLASSES = ("a", "b", "c")


def crossed(images):
    """Every class from both sources, so many images each."""
    return {(name, source): images for name in CLASSES for source in ("north", "south")}


def apart(images):
    """Every class from a source of its own."""
    return {("a", "north"): images, ("b", "south"): images, ("c", "east"): images}


class Study:
    """A third of the images is in the test subset, a third in validation; each is a group.

    Args:
        counts: (class, source) -> images.
        predicted: whether features predict the source.
        wrong: sources of which every other test image is misclassified.
        majority: accuracy of the majority class.
    """

    def __init__(self, counts, predicted=False, wrong=(), majority=1 / 3):
        kinds = [kind for kind, images in counts.items() for _ in range(images)]
        entries = [
            SplitEntry(
                f"{n}", CLASSES.index(c), f"{n}", f"g{n}", ("test", "validation", "train")[n % 3], s
            )
            for n, (c, s) in enumerate(kinds)
        ]
        held_out = [entry for entry in entries if entry.subset != "train"]
        features = np.random.default_rng(0).normal(size=(len(held_out), 4))
        if predicted:
            features[:, 0] += [8.0 * (entry.source == "north") for entry in held_out]
        images = {}
        for (name, source), count in counts.items():
            images.setdefault(name, Counter())[source or "unknown"] += count
        known = any(source for _, source in counts)
        self.sources = Sources(
            images=images,
            association=cramers_v([c for c, _ in kinds], [s or "unknown" for _, s in kinds])
            if known
            else None,
            probe=probe_sources(features, held_out, CLASSES),
        )
        tested = [entry for entry in entries if entry.subset == "test"]
        labels = np.array([entry.label for entry in tested])
        missed = [entry.source in wrong and n % 2 == 0 for n, entry in enumerate(tested)]
        answers = np.where(missed, (labels + 1) % 3, labels)
        accuracy = float((answers == labels).mean())
        self.performance = Performance(
            Predictions(
                CLASSES,
                tuple(entry.file for entry in tested),
                tuple(entry.group for entry in tested),
                labels,
                np.eye(3)[answers],
                tuple(entry.source or "" for entry in tested),
            ),
            Estimate(accuracy, accuracy, accuracy),
            Estimate(majority, 0, 1),
            Estimate(accuracy - majority, accuracy - majority - 0.1, 1.0),
        )

    def probe_finding(self):
        (finding,) = conclude_sources(self.sources, self.performance)
        return finding

    def source_finding(self):
        found = compute_by_source(self.performance.predictions)
        (finding,) = conclude_by_source(found, self.performance)
        return finding
