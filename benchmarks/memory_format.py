"""Training steps with channels last and channels first, side by side, for every architecture.

    python benchmarks/memory_format.py [--size 224] [--batch 16] [--rounds 3]

What is trained is as in `lungscope train`: the classifier alone for five of the models.
"""

import argparse
import statistics
import time

import torch
from torch.nn.functional import cross_entropy

from lungscope.models import Network, Shape, build_network, list_architectures
from lungscope.training.execution import Execution


def seconds_a_step(network: Network, images: torch.Tensor, steps: int = 3) -> float:
    labels = torch.zeros(len(images), dtype=torch.int64)
    times = []
    for _ in range(steps + 1):
        began = time.perf_counter()
        cross_entropy(network(images), labels).backward()
        network.zero_grad()
        times.append(time.perf_counter() - began)
    return min(times[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    Execution(device="cpu").prepare()
    images = torch.randn(options.batch, 3, options.size, options.size)
    formats = {"first": torch.contiguous_format, "last": torch.channels_last}
    print("model            images/s first   last   last / first (median)")
    for each in list_architectures():
        network = build_network(each.name, Shape(classes=3)).train()
        times: dict[str, list[float]] = {name: [] for name in formats}
        for _ in range(options.rounds):
            for name, layout in formats.items():
                network = network.to(memory_format=layout)
                laid = images.contiguous(memory_format=layout)
                times[name].append(seconds_a_step(network, laid))
        first, last = times["first"], times["last"]
        ratio = statistics.median(a / b for a, b in zip(first, last, strict=True))
        speed = [options.batch / statistics.median(found) for found in (first, last)]
        print(f"{each.name:16} {speed[0]:14.1f} {speed[1]:6.1f}   {ratio:.2f}")


if __name__ == "__main__":
    main()
