"""Makes the split that the bundled model `robust` is trained on, from two splits of lungscope.

    lungscope data split lung-xray -o paper.json
    lungscope data split lung-xray multi-site --map "Other=" -o drawn.json
    python models/split.py paper.json drawn.json -o robust.json
    python models/split.py paper.json drawn.json -o without.json --hold-out ieee8023

`paper.json` is the split of the model `paper`, whose weights the training begins with: a patient
who was not in its training images is not in these either. Of the sources that judge the model, more
patients are kept for testing; of all others, more for training. Sources that are held out are left
out whole.
"""

import dataclasses
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from lungscope.data import Split, SplitEntry, Subset

FRACTIONS: Mapping[str, tuple[float, float]] = {"ieee8023": (0.1, 0.2), "openist": (0.1, 0.2)}
"""Fractions of the patients of a source for validation and for testing."""

OTHERS = (0.09, 0.04)
"""The same of sources that are not in `FRACTIONS`."""

STRICTNESS: tuple[Subset, ...] = ("test", "validation", "train")
"""Subsets, the one furthest from training first."""


def assign(paper: Split, drawn: Split, seed: int = 0) -> dict[str, Subset]:
    """Returns the subset of each group of `drawn`.

    Groups with images of `paper` stay where it has them. Where it has them in several subsets,
    because an image of another data set joins two of its groups, they are in the strictest.
    """
    of_paper: dict[str, set[Subset]] = {}
    known = {entry.sha256: entry.subset for entry in paper.entries}
    sources: dict[str, str] = {}
    for entry in drawn.entries:
        sources.setdefault(entry.group, entry.source or "")
        if entry.sha256 in known:
            of_paper.setdefault(entry.group, set()).add(known[entry.sha256])
    subsets: dict[str, Subset] = {}
    groups_of: dict[str, list[str]] = {}
    for group, source in sorted(sources.items()):
        if group in of_paper:
            subsets[group] = next(subset for subset in STRICTNESS if subset in of_paper[group])
        else:
            groups_of.setdefault(source, []).append(group)
    for source, groups in sorted(groups_of.items()):
        random.Random(f"{seed} {source}").shuffle(groups)  # noqa: S311 - a draw, no secret
        validation, test = FRACTIONS.get(source, OTHERS)
        first, second = round(validation * len(groups)), round((validation + test) * len(groups))
        for position, group in enumerate(groups):
            subsets[group] = (
                "validation" if position < first else "test" if position < second else "train"
            )
    return subsets


def main(
    paper: Annotated[Path, typer.Argument(help="Split of the model `paper`.")],
    drawn: Annotated[Path, typer.Argument(help="Split of all data sets together.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Split to write.")],
    hold_out: Annotated[list[str], typer.Option(help="Source to leave out.")] = [],  # noqa: B006
    seed: int = 0,
) -> None:
    """Assigns every group of the second split to a subset, and writes the result."""
    everything = Split.load(drawn)
    subsets = assign(Split.load(paper), everything, seed)
    entries: list[SplitEntry] = [
        dataclasses.replace(entry, subset=subsets[entry.group])
        for entry in everything.entries
        if entry.source not in hold_out
    ]
    split = dataclasses.replace(
        everything,
        entries=tuple(entries),
        seed=seed,
        description="groups of the paper's split where that has them, else drawn by source",
    )
    split.save(out)
    print(split)


if __name__ == "__main__":
    typer.run(main)
