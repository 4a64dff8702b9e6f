import subprocess
import sys
from pathlib import Path

import pytest
import torch


@pytest.fixture(scope="session")
def two_ranks(tmp_path_factory):
    """What two processes, joined by gloo, saved: one dictionary for each rank."""
    folder = tmp_path_factory.mktemp("two_ranks")
    script = Path(__file__).with_name("two_ranks.py")
    ranks = [
        subprocess.Popen([sys.executable, "-W", "error", script, str(rank), folder], stderr=subprocess.PIPE, text=True)
        for rank in range(2)
    ]
    try:
        errors = [rank.communicate(timeout=120)[1] for rank in ranks]
    finally:
        for rank in ranks:
            rank.kill()
    assert all(rank.returncode == 0 for rank in ranks), "\n".join(errors)
    return [torch.load(folder / f"rank{rank}.pt", weights_only=False) for rank in range(2)]
