"""Train two models on one split and ask whether the difference is real. Needs 'lungscope[train]'.

    python examples/compare_models.py [FOLDER]

FOLDER is a folder of class folders or a CSV table; without one, 90 phantoms are drawn.
"""

import sys
import tempfile
from pathlib import Path

import lungscope as ls
from lungscope.phantom import write_phantoms


def main(data: Path, out: Path) -> None:
    """Trains, evaluates and compares, and prints each pair's difference in accuracy."""
    split = ls.split(data, fractions=(0.6, 0.2, 0.2), seed=0)
    runs = []
    for model in ("mobilenet-lung", "squeezenet1_1"):
        recipe = ls.Recipe(model=model, weights="none", epochs=3, size=64)
        run = ls.train(data, split, out / model, recipe=recipe)
        print(model, run.evaluate().overall["accuracy"])
        runs.append(run)
    for pair in ls.compare(*runs).pairs:
        print(f"difference in accuracy: {pair.differences['accuracy']:+.3f}")


def draw_phantoms(folder: Path) -> Path:
    """Draws 90 small synthetic radiographs in three classes."""
    return write_phantoms(folder / "xrays", 90, size=64)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        given = Path(sys.argv[1]) if sys.argv[1:] else draw_phantoms(Path(folder))
        main(given, Path("runs/compared") if sys.argv[1:] else Path(folder))
