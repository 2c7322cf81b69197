"""Compares the lungs that a segmenter finds with those that were drawn, on patients it never saw.

    python segmenter/validate.py MASKS --complete ieee8023 [--model FOLDER] [--all SOURCE]

MASKS as for `segmenter/fit.py`. Three Dice coefficients, means over films: the lung fields against
the drawing as it is; against the drawing completed, which is the convex hull of each lung of an
aerated drawing; and the lungs without the heart against the drawing as it is. `--all` takes every
film of a source that the model was fitted without, in place of the held-out patients.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from films import COMPLETE, DrawnFilm, fill_hull, read_mask, read_table, split_lungs
from numpy.typing import NDArray
from torchmetrics.functional.segmentation import dice_score

from lungscope.images import read
from lungscope.inference.lung_segmenter import BUNDLED_SEGMENTER, GRAPH, LungSegmenter

HEADINGS = ("field, as drawn", "field, completed", "without heart, as drawn", "plausibility")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("masks", type=Path)
    parser.add_argument("--complete", action="append", default=[], metavar="SOURCE")
    parser.add_argument("--model", type=Path, default=BUNDLED_SEGMENTER)
    parser.add_argument("--all", action="append", default=[], metavar="SOURCE")
    options = parser.parse_args()
    segmenter = LungSegmenter.load(options.model)
    films = [
        film
        for film in read_table(options.masks, options.complete)
        if (film.source in options.all if options.all else film.held_out)
    ]
    found: dict[str, list[list[float]]] = defaultdict(list)
    groups: dict[str, set[str]] = defaultdict(set)
    for film in films:
        name = f"{film.source}, {'human' if film.human else 'automatic'}, {film.convention}"
        found[name].append(_compare(segmenter, film))
        groups[name].add(film.group)
    print("| drawn films | films | patients | " + " | ".join(HEADINGS) + " | 5 % of films below |")
    print("|---" * (len(HEADINGS) + 4) + "|")
    for name, rows in sorted(found.items()):
        table = np.array(rows)
        own = table[:, 0 if name.endswith(COMPLETE) else 2]
        cells = [f"{value:.3f}" for value in (*table.mean(axis=0), np.quantile(own, 0.05))]
        print(f"| {name} | {len(rows)} | {len(groups[name])} | {' | '.join(cells)} |")
    _print_cost(segmenter, options.model, films)


def dice(found: NDArray[np.bool_], drawn: NDArray[np.bool_]) -> float:
    """The Dice coefficient of two masks."""
    one, other = (torch.from_numpy(mask.copy())[None].long() for mask in (found, drawn))
    scores = dice_score(one, other, 2, include_background=False, input_format="index")
    return float(scores[0, 0] if scores.ndim == 2 else scores[0])


def _compare(segmenter: LungSegmenter, film: DrawnFilm) -> list[float]:
    field, drawn = segmenter.find(read(film.image)), read_mask(film.mask)
    completed = drawn
    if film.convention != COMPLETE:
        completed = np.stack([fill_hull(lung) for lung in split_lungs(drawn)]).any(axis=0)
    return [
        dice(field.mask, drawn),
        dice(field.mask, completed),
        dice(field.mask_without_heart, drawn),
        field.plausibility,
    ]


def _print_cost(segmenter: LungSegmenter, folder: Path, films: Sequence[DrawnFilm]) -> None:
    radiographs = [read(film.image) for film in films[:50]]
    segmenter.find(radiographs[0])
    started = time.process_time()
    for radiograph in radiographs:
        _ = segmenter.find(radiograph).mask
    spent = 1000 * (time.process_time() - started) / len(radiographs)
    size = (folder / GRAPH).stat().st_size
    print(f"{spent:.1f} ms of one processor an image, decoding not included; {size:,} bytes")


if __name__ == "__main__":
    main()
