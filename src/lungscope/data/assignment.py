"""Which group goes to which part: stratified by class, whole groups only, seeded."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array, eye_array, kron

_MOST_NODES = 10_000
"""Limit of the search for a complete assignment; a limit of time would not be reproducible."""


def assign_groups(
    groups: Sequence[str], labels: Sequence[int], fractions: Sequence[float], seed: int
) -> NDArray[np.intp]:
    """Distributes groups over parts so that each part has its proportion of every class.

    Groups are taken from the largest to the smallest (equal sizes in a seeded order), and each
    goes to the part where it most reduces the sum over parts and classes of
    (wanted - held)^2 / wanted. Where groups that hold several classes lead it to a part without
    one of them, the fewest images are moved that give every part every class, if that can be. The
    order of the images makes no difference.

    Args:
        groups: the group of each image, (N,).
        labels: the class of each image, (N,), 0 <= label < C.
        fractions: the target proportion of each part, (P,), > 0, summing to 1.
        seed: of the order among groups of one size.

    Returns:
        (N,) the part of each image, 0 <= part < P.
    """
    names, members = np.unique(np.asarray(groups), return_inverse=True)
    counts = np.zeros((len(names), max(labels) + 1), dtype=np.float64)
    np.add.at(counts, (members, np.asarray(labels)), 1)
    part_of_group = _greedy(counts, np.asarray(fractions, dtype=np.float64), seed)
    if not _is_complete(part_of_group, counts, len(fractions)):
        part_of_group = _completed(part_of_group, counts, len(fractions))
    return part_of_group[members]


def _greedy(
    counts: NDArray[np.float64], fractions: NDArray[np.float64], seed: int
) -> NDArray[np.intp]:
    total = counts.sum(axis=0)
    wanted = np.outer(fractions, total)
    filled = np.zeros_like(wanted)
    shuffled = np.random.default_rng(seed).permutation(len(counts))
    order = shuffled[np.argsort(-counts[shuffled].sum(axis=1), kind="stable")]
    part_of_group = np.empty(len(counts), dtype=np.intp)
    for group in order:
        # half the fall of the sum: the shortage midway between before and after
        shortage = (wanted - filled - counts[group] / 2) / np.maximum(wanted, 1e-9)
        part = int(np.argmax(shortage @ counts[group]))
        part_of_group[group] = part
        filled[part] += counts[group]
    return part_of_group


def _is_complete(part_of_group: NDArray[np.intp], counts: NDArray[np.float64], parts: int) -> bool:
    present = counts.any(axis=0)
    return all(
        (counts[part_of_group == part].any(axis=0) == present).all() for part in range(parts)
    )


def _completed(
    part_of_group: NDArray[np.intp], counts: NDArray[np.float64], parts: int
) -> NDArray[np.intp]:
    # One 0/1 variable for each group in each part, in that order.
    holds = (counts > 0)[:, counts.any(axis=0)]
    if (holds.sum(axis=0) < parts).any():
        return part_of_group  # some class has too few groups: there is nothing to search for
    stays = np.arange(parts) == part_of_group[:, np.newaxis]
    moved = np.where(stays, 0.0, counts.sum(axis=1, keepdims=True))
    one_part = kron(eye_array(len(counts)), np.ones((1, parts)))
    every_class = kron(csr_array(holds.T.astype(float)), eye_array(parts))
    found = milp(
        moved.ravel(),
        integrality=1,
        bounds=Bounds(0, 1),
        constraints=[
            LinearConstraint(one_part, 1, 1),
            LinearConstraint(every_class, 1, np.inf),
        ],
        options={"node_limit": _MOST_NODES},
    )
    if found.x is None:
        return part_of_group
    best: NDArray[np.intp] = found.x.reshape(moved.shape).argmax(axis=1)
    return best
