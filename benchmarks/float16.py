"""A run as ONNX in float16 beside the same in float32: size, distance of the logits, and time of a batch on the CPU.

python benchmarks/float16.py RUN... [--batch 8] [--rounds 15]

Both files serve the same batch in turn, with as many threads as torch takes; ratios are taken within a round.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from measure import spread

from lopsided.inference.export import export
from lopsided.runs.folder import RunFolder


def inputs_for(input_type: str, shape: tuple[int, ...], count: int) -> np.ndarray:
    """Random samples as the files take them."""
    draw = np.random.default_rng(0)
    if input_type == "int64":
        return draw.integers(0, 100, (count, *shape))
    if input_type == "uint8":
        return draw.integers(0, 256, (count, *shape), dtype=np.uint8)
    return draw.random((count, *shape)).astype(input_type)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=15)
    given = parser.parse_args()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    print(f"{'run':24}{'MB':>8}{'size':>7}{'logits':>9}{'time':>7}   (float16 / float32)")
    for path in given.runs:
        with tempfile.TemporaryDirectory() as folder:
            whole, half = (
                export(RunFolder(path), Path(folder) / f"{part}.onnx", float16=bool(part)) for part in (0, 1)
            )
            inputs = inputs_for(whole.input_type, whole.input_shape, given.batch)
            sessions = [
                onnxruntime.InferenceSession(done.path, options, providers=["CPUExecutionProvider"])
                for done in (whole, half)
            ]
            ratios = []
            for number in range(given.rounds + 1):
                seconds = []
                for session in sessions:
                    started = time.perf_counter()
                    session.run(None, {"inputs": inputs})
                    seconds.append(time.perf_counter() - started)
                if number:  # the first one prepares
                    ratios.append(seconds[1] / seconds[0])
        size = half.num_bytes / whole.num_bytes
        line = f"{path.name:24}{whole.num_bytes / 1e6:8.2f}{size:7.3f}{half.largest_difference:9.1e}"
        print(f"{line}{spread(ratios).median:7.2f}")


if __name__ == "__main__":
    main()
