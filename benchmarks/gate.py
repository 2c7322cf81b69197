"""What the gate costs: classifying files with and without it, side by side, and loading it.

    python benchmarks/gate.py FOLDER [--model DIR] [--images 200] [--rounds 5]

One thread reads and classifies each file both ways, one after the other, in turns which comes
first. A file's time is the processor time of its fastest round, so that other processes disturb
little; the median over files is printed.
"""

import argparse
import subprocess
import sys
import time
from itertools import islice

import numpy as np

from lungscope.cli.inputs import list_files
from lungscope.inference.classifier import Classifier
from lungscope.inference.exported import find_model

LOAD = """
import time
from lungscope.inference.classifier import Classifier
from lungscope.inference.gate import BUNDLED_GATE, Gate
began = time.process_time()
Gate.load(BUNDLED_GATE)
print(time.process_time() - began)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder")
    parser.add_argument("--model", default=None)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    files = list(islice(list_files([options.folder], iter(())), options.images))
    both = [Classifier.load(find_model(options.model), use_gate=gated) for gated in (False, True)]
    seconds = np.empty((options.rounds, len(files), 2))
    for turn in range(options.rounds):
        for number, file in enumerate(files):
            for which in (0, 1) if (turn + number) % 2 else (1, 0):
                began = time.thread_time()
                both[which].predict(file)
                seconds[turn, number, which] = time.thread_time() - began
    without, with_gate = np.median(seconds.min(axis=0), axis=0)
    print(f"{len(files)} files: {1e3 * without:.2f} ms without, {1e3 * with_gate:.2f} ms with")
    print(f"images a second with the gate by without: {without / with_gate:.3f}")
    loads = [
        float(subprocess.run([sys.executable, "-c", LOAD], capture_output=True, check=True).stdout)
        for _ in range(options.rounds)
    ]
    print(f"loading the gate: {1e3 * min(loads):.1f} ms (fastest of {options.rounds})")


if __name__ == "__main__":
    main()
