"""Forward and backward of the losses beside rivals, interleaved in one process; ratios to BCEWithLogits.

python benchmarks/losses.py [--shapes 128x80 448x9605] [--rounds 15] [--threads 2] [--device cuda --dtype bfloat16]
python benchmarks/losses.py --no-compile    without torch.compile, which takes a minute

Each round runs every rival once, and a ratio is taken within its round, so that a machine that is busy for a while
slows both sides. Results are appended to results/losses.csv and drawn by draw.py.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from typing import NamedTuple

import torch
from measure import CLOCKS, Spread, allocated, append, environment, seconds, spread
from rivals import Rival, compiled, eager, ours_with_fewer_instructions
from torch import Tensor

from lopsided.losses.kernels import backend, native_kernel
from lopsided.losses.kernels import memory as reuse

SHAPES = ["128x80", "256x1000", "448x9605", "65536x80"]
LIMIT = "limit: read two, write one"


class Case(NamedTuple):
    """One set-up, shared by speed and memory."""

    logits: Tensor
    targets: Tensor
    calls: int  # in one measurement


class Line(NamedTuple):
    """What is known of one rival in one case."""

    name: str
    ms: Spread
    ratio: Spread  # within each round
    best: float  # ratio of the lowest times, which other work on the machine disturbs least
    peak: float  # in units of the logits
    kept: float


def case_of(shape: tuple[int, int], device: str, dtype: torch.dtype) -> Case:
    """Logits of a network in training and about 3 positives in 100."""
    generator = torch.Generator().manual_seed(0)
    logits = (3 * torch.randn(shape, generator=generator)).to(device, dtype).requires_grad_()
    targets = (torch.rand(shape, generator=generator) < 0.03).to(device, dtype)
    calls = max(1, 200_000 // logits.numel())
    return Case(logits, targets, calls if device == "cpu" else max(20, calls))  # on a GPU the queue has to fill


def step_of(rival: Rival, case: Case) -> Callable[[], None]:
    targets = case.targets if rival.targets is None else case.targets.to(rival.targets)

    def step() -> None:
        case.logits.grad = None
        rival.loss(case.logits, targets).backward()

    return step


def use(rival: Rival) -> None:
    os.environ["LOPSIDED_BACKEND"] = rival.backend
    backend.forget()


def measure(rivals: list[Rival], case: Case, rounds: int, clock: str) -> list[Line]:
    """Interleaved, after one round that is not counted."""
    device = case.logits.device.type
    one, two, target = (torch.empty_like(case.logits.detach()) for _ in range(3))
    steps = {rival.name: step_of(rival, case) for rival in rivals}
    times: dict[str, list[float]] = {name: [] for name in [*steps, LIMIT]}
    for _ in range(rounds + 1):
        for rival in rivals:
            use(rival)
            steps[rival.name]()
            times[rival.name].append(seconds(steps[rival.name], case.calls, device, clock))
        times[LIMIT].append(seconds(lambda: torch.add(one, two, out=target), case.calls, device, clock))
    memory = {rival.name: memory_of(rival, case, steps[rival.name]) for rival in rivals}
    base = times[rivals[0].name][1:]
    return [
        Line(
            name,
            spread([1e3 * value for value in values[1:]]),
            spread([value / other for value, other in zip(values[1:], base, strict=True)]),
            min(values[1:]) / min(base),
            *memory.get(name, (0.0, 0.0)),
        )
        for name, values in times.items()
    ]


def memory_of(rival: Rival, case: Case, step: Callable[[], None]) -> tuple[float, float]:
    """Peak of forward and backward, and what the forward pass keeps, in units of the logits."""
    use(rival)
    again, reuse.SMALLEST = reuse.SMALLEST, sys.maxsize  # torch's allocator counts; memory used again passes it by
    targets = case.targets if rival.targets is None else case.targets.to(rival.targets)
    case.logits.grad = None
    size, device = case.logits.nbytes, case.logits.device.type
    kept = allocated(lambda: rival.loss(case.logits, targets), device)[1]
    peak = allocated(step, device)[0]
    reuse.SMALLEST = again
    return peak / size, kept / size


def show(shape: str, case: Case, lines: list[Line]) -> None:
    moved = 3 * case.logits.nbytes / lines[-1].ms.lowest / 1e6
    print(f"\n{shape}: {lines[0].name} {lines[0].ms.median:.3f} ms, memory {moved:.0f} GB/s")
    print(f"{'':32}{'ratio':>7}{'lowest':>8}{'highest':>8}{'best':>8}{'ms':>10}{'peak':>7}{'kept':>7}")
    for line in lines:
        ratio = "".join(f"{value:8.2f}" for value in line.ratio)
        print(f"  {line.name:<29}{ratio}{line.best:8.2f}{line.ms.median:10.3f}{line.peak:7.1f}{line.kept:7.1f}")


def rows_of(shape: str, case: Case, lines: list[Line], where: dict[str, str]) -> list[dict[str, str]]:
    return [
        {
            **where,
            "shape": shape,
            "dtype": str(case.logits.dtype).removeprefix("torch."),
            "rival": line.name,
            "ms": f"{line.ms.median:.4f}",
            **{f"ratio_{name}": f"{value:.4f}" for name, value in line.ratio._asdict().items()},
            "ratio_best": f"{line.best:.4f}",
            "peak": f"{line.peak:.2f}",
            "kept": f"{line.kept:.2f}",
        }
        for line in lines
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="Forward and backward of the losses beside rivals.")
    parser.add_argument("--shapes", nargs="+", default=SHAPES, help=f"SAMPLESxLABELS (default {' '.join(SHAPES)})")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--dtype", choices=["float32", "bfloat16", "float16"], default="float32")
    parser.add_argument(
        "--clock", choices=list(CLOCKS), default="wall", help="cpu: with --threads 1, on a busy machine"
    )
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    where = {**environment(options.device, ("torch", "timm", "torchvision")), "clock": options.clock}
    print(", ".join(where.values()), "-", backend.cpu_backend())
    native = native_kernel.native_module()
    fewer = native.best_instructions() if native and options.device == "cpu" else 0
    for shape in options.shapes:
        samples, labels = map(int, shape.split("x"))
        case = case_of((samples, labels), options.device, getattr(torch, options.dtype))
        rivals = [*eager(), *ours_with_fewer_instructions(fewer), *(compiled() if options.compile else [])]
        lines = measure(rivals, case, options.rounds, options.clock)
        show(shape, case, lines)
        path = append("losses", rows_of(shape, case, lines, where))
        torch._dynamo.reset()
    print(f"\nappended to {path}")


if __name__ == "__main__":
    main()
