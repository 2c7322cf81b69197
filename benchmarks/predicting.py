"""Classifying a folder of files against the bare work that it is made of, side by side.

    python benchmarks/predicting.py FOLDER [--model DIR] [--images 600] [--rounds 5]

"bare inference" is ONNX Runtime on the same images as tensors in memory, in the fastest of three
ways: one image a thread, batches of 32 over all threads, and batches of 32 a thread. "bare
decoding" reads the files and makes them squares. "predict" does both, refuses what is no chest
radiograph, and keeps the order. The ways take turns, so that a change in the machine's speed meets
all; ratios travel, images a second do not.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lungscope.cli.inputs import list_files
from lungscope.images import read, to_square
from lungscope.inference.classifier import Classifier, predict_in_processes
from lungscope.inference.exported import ExportedModel, find_model
from lungscope.inference.session import Session
from lungscope.parallel import cpu_count

BATCH = 32


def rate(work: Callable[[], object], images: int) -> float:
    began = time.perf_counter()
    work()
    return images / (time.perf_counter() - began)


def on_all(threads: int, work: Callable[[object], object], items: Iterable[object]) -> None:
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(work, items):
            pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder")
    parser.add_argument("--model", type=find_model, default=find_model())
    parser.add_argument("--images", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    threads = cpu_count()
    model = ExportedModel.load(options.model)
    size = model.description.preprocessing.size
    classifier = Classifier(model)
    alone, together = Session(model.graph, 1), Session(model.graph, threads)
    files = list(islice(list_files([options.folder], iter(())), options.images))

    def decoded(file: object) -> NDArray[np.uint8]:
        assert isinstance(file, Path)
        return to_square(read(file), size)

    squares = np.stack([decoded(file) for file in files])[:, None]
    singles = [squares[i : i + 1] for i in range(len(squares))]
    batches = [squares[i : i + BATCH] for i in range(0, len(squares), BATCH)]
    ways: dict[str, Callable[[], object]] = {
        "inference, one image a thread": lambda: on_all(threads, alone.answer, singles),
        "inference, batches over all threads": lambda: [together.answer(b) for b in batches],
        "inference, batches a thread": lambda: on_all(threads, alone.answer, batches),
        "decoding": lambda: on_all(threads, decoded, files),
        "predict, threads": lambda: [None for _ in classifier.predict_files(files)],
        "predict, processes": lambda: [None for _ in predict_in_processes(options.model, files)],
    }
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(options.rounds + 1):
        for name, work in ways.items():
            found = rate(work, len(files))
            if turn:  # the first round warms up
                rates[name].append(found)
    for name, found in rates.items():
        print(f"{name:38} {statistics.median(found):8.1f} images/s")
    print("against the slower of bare inference and bare decoding:")
    for way in ("predict, threads", "predict, processes"):
        ratios = []
        for turn in range(options.rounds):
            bare = max(found[turn] for name, found in rates.items() if name.startswith("inf"))
            ratios.append(rates[way][turn] / min(bare, rates["decoding"][turn]))
        print(f"{way:38} {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
    print(f"{len(files)} files, {threads} processors; processes take their start with them")


if __name__ == "__main__":
    main()
