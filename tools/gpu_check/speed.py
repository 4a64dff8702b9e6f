"""Step 2: time and memory of forward and backward beside rivals and the copy bandwidth, interleaved in one process."""

from __future__ import annotations

import os

import torch

os.environ.setdefault("LOPSIDED_BACKEND", "torch")

from losses import LIMIT, Line, case_of, measure
from rivals import on_a_gpu

from tools.gpu_check.record import DEVICE, GPU, Record

CASES = [  # the largest first: what is asked of the kernel is asked there
    ((4096, 9605), torch.float32),
    ((4096, 9605), torch.bfloat16),
    ((128, 80), torch.float32),
    ((1024, 1000), torch.float32),
    ((128, 80), torch.bfloat16),
    ((1024, 1000), torch.bfloat16),
]
SMALL = [((16, 80), torch.float32)]


def main() -> None:
    """Measure case after case."""
    record = Record("speed")
    rivals = on_a_gpu(compiled=GPU)
    for shape, dtype in CASES if GPU else SMALL:
        case = case_of(shape, DEVICE, dtype)
        lines = measure(rivals, case, rounds=15 if GPU else 2, clock="wall")
        for line in lines:
            record.write(shape="x".join(map(str, shape)), dtype=str(dtype).removeprefix("torch."), **_row(line, lines))
        torch._dynamo.reset()


def _row(line: Line, lines: list[Line]) -> dict[str, object]:
    limit = next(other for other in lines if other.name == LIMIT)
    return {
        "rival": line.name,
        "ms": line.ms.median,
        "of_bandwidth": limit.ms.median / line.ms.median,  # a pass that reads two operands and writes one
        "times_bce": line.ratio.median,
        "times_bce_lowest": line.ratio.lowest,
        "times_bce_highest": line.ratio.highest,
        "peak": line.peak,  # in units of the logits
    }


if __name__ == "__main__":
    main()
