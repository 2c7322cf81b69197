"""What a model refuses and answers behind the gate, each image judged by a gate that never saw it.

    python gate/with_model.py DATA --cache FOLDER [--model MODEL] [--images 150]

The gate is that of the fold (`gate/validate.py`) that left out the image's hospital or kind; the
distance and the confidence are the model's, which may have been trained on some of these hospitals.
DATA and FOLDER as for `gate/fit.py`. Colour and shape are asked first, as in use.
"""

import argparse
from collections import Counter
from pathlib import Path

import numpy as np
from examples import Examples
from films import FRONTAL, PHANTOM, Films
from fit import LIMITS
from validate import out_of_fold

from lungscope.images import ANYTHING, read
from lungscope.inference.abstention import find_implausibility
from lungscope.inference.classifier import Classifier
from lungscope.inference.exported import ExportedModel, find_model
from lungscope.progress import ignore

CODES = ("colour, shape", "gate", "distance", "confidence", "answered")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("data", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--model")
    parser.add_argument("--images", type=int, default=150, help="of each hospital, at most")
    options = parser.parse_args()
    films = Films.load(options.data, options.cache / "films.npz")
    examples = Examples.load(films, options.cache, ignore)
    unseen = out_of_fold(examples, films, options.cache)["unseen"]
    folder = find_model(options.model)
    classifier = Classifier.load(folder, use_gate=False)
    thresholds = ExportedModel.load(folder).thresholds
    by = np.where(films.kind == FRONTAL, films.source, films.kind)
    as_is = np.flatnonzero(~examples.varied)
    rows, firsts = np.unique(examples.row[as_is], return_index=True)  # frontal before mirrored
    first = dict(zip(rows.tolist(), as_is[firsts].tolist(), strict=True))
    print(f"{'':26}{'images':>8}" + "".join(f"{code:>15}" for code in CODES))
    rng = np.random.default_rng(0)
    for name in np.unique(by[films.kind != PHANTOM]):
        counted: Counter[str] = Counter()
        for row in rng.permutation(np.flatnonzero(by == name))[: options.images]:
            radiograph = read(options.data / films.path[row], ANYTHING)
            found = classifier.classify(radiograph)
            cause = thresholds.check(found.distance, max(found.probabilities.values()))
            if find_implausibility(radiograph) is not None:
                counted["colour, shape"] += 1
            elif unseen[first[int(row)], :2].sum() < LIMITS.min_upright:
                counted["gate"] += 1
            else:
                counted["answered" if cause is None else cause.quantity] += 1
        shares = [100 * counted[code] / counted.total() for code in CODES]
        print(f"{name:26}{counted.total():8}" + "".join(f"{share:15.1f}" for share in shares))


if __name__ == "__main__":
    main()
