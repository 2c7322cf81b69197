"""Training of the gate's head on views whose maps are computed already."""

import numpy as np
import torch
from examples import Examples
from films import FRONTAL, PHANTOM, Films
from network import Head
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy

from lungscope.inference.gate import VIEWS, View

SHARES: dict[View, float] = {
    "frontal": 0.36,
    "mirrored": 0.10,
    "lateral": 0.12,
    "other": 0.16,
    "turned-90": 0.06,
    "turned-180": 0.06,
    "turned-270": 0.06,
    "inverted": 0.08,
}
"""Of each view in what the head is trained on."""

CUT_UP, DRAWN, PHANTOMS = 0.25, 0.08, 0.02
"""Of the examples of "other": shares of films cut up, of noise and patterns, of phantoms cut up."""

EPOCHS, BATCH, RATE, DECAY, SMOOTHING = 5, 256, 3e-3, 5e-4, 0.02

Probabilities = NDArray[np.float64]


def fit_head(examples: Examples, films: Films, used: NDArray[np.bool_], seed: int = 0) -> Head:
    """Trains a head.

    Examples are drawn with replacement: `SHARES` of each view; within it, sources and kinds by the
    square root of their number, so that a large hospital does not drown a small one.

    Args:
        examples: N views.
        films: what they were drawn from.
        used: (N,) which of them to train on.
        seed: of the first weights and of the order.
    """
    torch.manual_seed(seed)
    head = Head().train()
    steps = int(EPOCHS * used.sum() / BATCH)
    weights = torch.from_numpy(_weights(examples, films, used))
    order = torch.multinomial(weights, steps * BATCH, replacement=True).numpy()
    optimiser = torch.optim.AdamW(head.parameters(), RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps)
    views = torch.from_numpy(examples.view)
    for rows in order.reshape(steps, BATCH):
        maps = torch.from_numpy(examples.maps[rows].astype(np.float32))
        loss = cross_entropy(head(maps), views[rows], label_smoothing=SMOOTHING)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return head.eval()


@torch.inference_mode()
def apply_head(head: Head, examples: Examples, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Returns the probabilities of views, (len(rows), 8)."""
    parts = [
        head(torch.from_numpy(examples.maps[some].astype(np.float32))).softmax(dim=1)
        for some in np.array_split(rows, len(rows) // 1024 + 1)
    ]
    return torch.cat(parts).numpy()


def _weights(examples: Examples, films: Films, used: NDArray[np.bool_]) -> Probabilities:
    source, kind = examples.of(films.source), examples.of(films.kind)
    weights = np.zeros(len(examples.view))
    for place, view in enumerate(VIEWS):
        rows = used & (examples.view == place)
        if view in ("frontal", "mirrored"):
            for each in np.unique(source[rows]):
                part = rows & (source == each)
                weights[part] = (0.5 if each == PHANTOM else 1) / np.sqrt(part.sum())
        elif view == "other":
            made = {FRONTAL: CUT_UP, PHANTOM: PHANTOMS, "drawn": DRAWN}
            for each in np.setdiff1d(kind[rows], list(made)):
                part = rows & (kind == each)
                weights[part] = np.sqrt(len(np.unique(examples.row[part]))) / part.sum()
            real = weights[rows].sum() / (1 - sum(made.values()))
            for each, share in made.items():
                part = rows & (kind == each)
                weights[part] = real * share / max(part.sum(), 1)
        else:
            weights[rows] = 1
        weights[rows] *= SHARES[view] / weights[rows].sum()
    return weights
