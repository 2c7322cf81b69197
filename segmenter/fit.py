"""Fits the lung segmenter anew and writes the folder that the package bundles.

    python segmenter/fit.py MASKS --complete ieee8023 -o src/lungscope/bundled/lungs

MASKS is a CSV with the columns image, mask (files, relative to it), source, drawn (human or
automatic) and group (the patient); `--complete` names the sources whose drawings hold the lung
behind the heart. One patient in four is held out for `segmenter/validate.py`. Needs MobileNetV2's
ImageNet weights in torchvision's cache. Ten minutes on one processor.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import torch
from films import DrawnFilm, read_mask, read_table, split_lungs
from network import count_parameters, export_network

from lungscope.errors import LungscopeError
from lungscope.inference.lung_segmenter import SegmenterSettings, save_segmenter
from training import Schedule, fit_segmenter

MIN_PLAUSIBILITY = 0.9
"""Chosen by `segmenter/validate.py`, whose tables are in docs/explanation/lungs.md."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("masks", type=Path)
    parser.add_argument("--complete", action="append", default=[], metavar="SOURCE")
    parser.add_argument("--without", action="append", default=[], metavar="SOURCE")
    parser.add_argument("--epochs", type=int, default=Schedule.epochs)
    parser.add_argument("-o", "--out", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    schedule = replace(Schedule(), epochs=options.epochs)
    films = [
        film
        for film in read_table(options.masks, options.complete)
        if not film.held_out and film.source not in options.without and _usable(film)
    ]
    print(f"{len(films):,} films, {sum(film.human for film in films)} of them drawn by people")
    network = fit_segmenter(films, schedule, _print_progress)
    graph = export_network(network, schedule.size)
    save_segmenter(options.out, graph, SegmenterSettings(schedule.size, MIN_PLAUSIBILITY))
    print(f"wrote {options.out}: {count_parameters(network):,} parameters, {len(graph):,} bytes")


def _usable(film: DrawnFilm) -> bool:
    try:
        split_lungs(read_mask(film.mask))
    except LungscopeError as error:
        print(f"left out: {film.mask}: {error}")
        return False
    return True


def _print_progress(done: int, total: int) -> None:
    if done % 50 == 0 or done == total:
        print(f"{done} of {total} steps", flush=True)


if __name__ == "__main__":
    main()
