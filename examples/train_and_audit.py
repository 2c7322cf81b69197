"""Train a model, evaluate it, and ask how much of its accuracy is lung. Needs 'lungscope[train]'.

    python examples/train_and_audit.py [FOLDER]

FOLDER is a folder of class folders or a CSV table; without one, 90 phantoms are drawn.
"""

import sys
import tempfile
from pathlib import Path

import lungscope as ls
from lungscope.phantom import write_phantoms


def main(data: Path, out: Path) -> None:
    """Splits, trains, evaluates and audits, and prints the numbers."""
    split = ls.split(data, seed=0)
    recipe = ls.Recipe(model="mobilenet-lung", weights="paper", epochs=3, size=64)
    run = ls.train(data, split, out, recipe=recipe)
    print("accuracy", run.evaluate().overall["accuracy"])
    for finding in run.audit().findings:
        print(f"{finding.verdict:>12}  {finding.title}")
    print("report in", run.report())


def draw_phantoms(folder: Path) -> Path:
    """Draws 90 small synthetic radiographs in three classes."""
    return write_phantoms(folder / "xrays", 90, size=64)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        given = Path(sys.argv[1]) if sys.argv[1:] else draw_phantoms(Path(folder))
        main(given, Path("runs/example") if sys.argv[1:] else Path(folder, "run"))
