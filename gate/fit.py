"""Fits the gate anew and writes the folder that the package bundles.

    python gate/fit.py DATA --cache FOLDER -o src/lungscope/bundled/gate

DATA has the folders lung-xray, multi-site and refuse, each with a metadata.csv, and not-xrays;
FOLDER keeps decoded images and their maps, which takes 500 MB. Needs MobileNetV2's ImageNet weights
in torchvision's cache. Four minutes on one processor. `gate/validate.py` says how good it is.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from examples import Examples
from films import Films
from network import export_gate

from lungscope.inference.gate import GateLimits, save_gate
from lungscope.progress import ignore
from training import fit_head

LIMITS = GateLimits(min_upright=0.7, min_mirrored=0.95)
"""Chosen by `gate/validate.py`, whose tables are in docs/explanation/gate.md."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("data", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("-o", "--out", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.cache.mkdir(parents=True, exist_ok=True)
    films = Films.load(options.data, options.cache / "films.npz")
    examples = Examples.load(films, options.cache, ignore)
    print(f"{len(films.kind):,} images, {len(examples.view):,} views")
    head = fit_head(examples, films, np.ones(len(examples.view), dtype=bool))
    graph = export_gate(head)
    save_gate(options.out, graph, LIMITS)
    print(f"wrote {options.out}: {len(graph):,} bytes")


if __name__ == "__main__":
    main()
