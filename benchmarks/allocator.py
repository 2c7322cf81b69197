"""Training steps a second with freed memory kept and given back, side by side in one run.

    python benchmarks/allocator.py [--model mobilenet-lung] [--steps 8] [--rounds 3]

Each measurement is a fresh process, as an allocator cannot be set back; the two take turns, so
that a change in the machine's speed meets both.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time


def measure(model: str, allocator: str, steps: int) -> dict[str, float]:
    import torch
    from torch.nn.functional import cross_entropy

    from lungscope.models import Shape, build_network
    from lungscope.training.execution import Execution

    Execution(device="cpu", allocator=allocator).prepare()  # type: ignore[arg-type]
    torch.manual_seed(0)
    network = build_network(model, Shape(3)).to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.01)
    images = torch.randn(32, 3, 224, 224).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, 3, (32,))
    seconds = []
    for _ in range(steps):
        began = time.perf_counter()
        cross_entropy(network(images), labels).backward()
        optimizer.step()
        optimizer.zero_grad()
        seconds.append(time.perf_counter() - began)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "images_per_second": 32 / statistics.median(seconds[2:]),
        "peak_MiB": usage.ru_maxrss / 1024,
        "page_faults": usage.ru_minflt,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", default="mobilenet-lung")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", choices=["keep", "system"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.model, options.one, options.steps)))
        return
    ratios = []
    for _ in range(options.rounds):
        speeds = {}
        for allocator in ("system", "keep"):
            command = [sys.executable, __file__, "--one", allocator]
            command += ["--model", options.model, "--steps", str(options.steps)]
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            found = json.loads(output)
            speeds[allocator] = found["images_per_second"]
            print(f"{allocator:>7}: " + "  ".join(f"{k} {v:,.1f}" for k, v in found.items()))
        ratios.append(speeds["keep"] / speeds["system"])
    print(f"keep / system: median {statistics.median(ratios):.2f} of {sorted(ratios)}")


if __name__ == "__main__":
    main()
