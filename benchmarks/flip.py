"""What test-time flips cost: one graph with and without them, in turn, in one thread.

Times are the processor's, so that other work on the machine counts little.

python benchmarks/flip.py robust [--images 50] [--rounds 5]
"""

import argparse
import statistics
import time

import numpy as np

from lungscope.export.averaging import AveragedModule
from lungscope.export.graph import ExportModule, serialise_graph, trace_graph
from lungscope.inference.exported import find_model
from lungscope.inference.session import Session
from lungscope.models.checkpoint import Checkpoint


def build_sessions(checkpoint: Checkpoint) -> dict[str, Session]:
    """Makes the graph with and without flips."""
    size = checkpoint.description.preprocessing.size
    graphs = {
        "image": ExportModule.of(checkpoint),
        "image and mirror": AveragedModule([ExportModule.of(checkpoint)], flip=True),
    }
    return {
        name: Session(serialise_graph(trace_graph(module, size))) for name, module in graphs.items()
    }


def measure(session: Session, images: np.ndarray) -> float:
    """Returns the processor's seconds for all images, one by one."""
    began = time.process_time()  # not the clock's: other processes may be running
    for image in images:
        session.answer(image[None, None])
    return time.process_time() - began


def main() -> None:
    """Prints the time of an image in both ways, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="a bundled model, or the folder of a checkpoint")
    parser.add_argument("--images", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    checkpoint = Checkpoint.load(find_model(given.model))
    size = checkpoint.description.preprocessing.size
    shape = (given.images, size, size)
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    sessions = build_sessions(checkpoint)
    for session in sessions.values():
        measure(session, images[:3])
    rounds = [
        {name: measure(session, images) for name, session in sessions.items()}
        for _ in range(given.rounds)
    ]
    for name in sessions:
        found = statistics.median(each[name] for each in rounds)
        print(f"{name}: {1000 * found / given.images:.1f} ms an image")
    ratios = [each["image and mirror"] / each["image"] for each in rounds]
    print(f"ratio: median {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
