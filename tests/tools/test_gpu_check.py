"""The check for GPUs, on a machine without one: its steps run to their end with small sizes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]
STEPS = {
    "correctness": {"passed": True},
    "speed": {"rival": "ours, Triton"},
    "many_labels": {"check": "the same loss"},
    "adaptive": {"right": True},
    "trainer": {"loop": "lopsided train"},
}
"""What each step has to find: values that one of its lines holds."""


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="with a GPU the check takes minutes, and is run by hand")
def test_every_step_runs_without_a_gpu_and_says_that_its_figures_do_not_count(tmp_path):
    for package in ("triton", "timm", "torchvision", "pytorch_lightning"):
        pytest.importorskip(package)
    result = subprocess.run(
        ["bash", str(ROOT / "tools/gpu_check.sh")],
        env={**os.environ, "OUT": str(tmp_path), "PYTHON": sys.executable, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-3000:]
    assert "no GPU" in result.stdout
    for step, found in STEPS.items():
        lines = [json.loads(line) for line in (tmp_path / f"{step}.jsonl").read_text().splitlines()]
        assert lines[0]["step"] == step
        assert lines[0]["counts"] is False
        assert any(found.items() <= line.items() for line in lines), step
