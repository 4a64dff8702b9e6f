"""Two processes see what one would have seen."""

import subprocess
import sys
import textwrap

import pytest
import torch

from lopsided import AdaptiveAsymmetricLoss
from lopsided.asymmetry import ProbabilityGap

RANK = textwrap.dedent(
    """
    import sys, torch, torch.distributed as dist
    from torch.nn.parallel import DistributedDataParallel
    from lopsided import AdaptiveAsymmetricLoss
    from lopsided.asymmetry import ProbabilityGap

    rank, store, data, out = int(sys.argv[1]), *sys.argv[2:5]
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
    inputs, targets = torch.load(data, weights_only=True)
    torch.manual_seed(0)
    network = DistributedDataParallel(torch.nn.Linear(5, 3))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.5)
    criterion, gauge = AdaptiveAsymmetricLoss(rate=1.0, separation=0.0), ProbabilityGap()
    for step in range(6):
        rows = slice(step * 8 + rank * 4, step * 8 + rank * 4 + 4)
        logits = network(inputs[rows])
        optimizer.zero_grad()
        criterion(logits, targets[rows]).backward()
        optimizer.step()
        gauge.update(logits, targets[rows])
    gap = gauge.all_ranks().compute().gap
    torch.save({"gamma": criterion.gamma_neg, "gap": gap, "weight": network.module.weight.data}, f"{out}{rank}")
    dist.destroy_process_group()
    """
)


@pytest.mark.slow
def test_two_ranks_follow_the_same_gamma_neg_as_one_process(tmp_path):
    torch.manual_seed(1)
    inputs, targets = torch.randn(48, 5), (torch.rand(48, 3) < 0.3).float()
    torch.save((inputs, targets), tmp_path / "data")
    script = tmp_path / "rank.py"
    script.write_text(RANK)
    places = [str(tmp_path / name) for name in ("store", "data", "out")]
    ranks = [subprocess.Popen([sys.executable, str(script), str(rank), *places]) for rank in (0, 1)]
    assert [rank.wait(timeout=120) for rank in ranks] == [0, 0]
    results = [torch.load(tmp_path / f"out{rank}", weights_only=True) for rank in (0, 1)]

    torch.manual_seed(0)
    network = torch.nn.Linear(5, 3)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.5)
    criterion, gauge = AdaptiveAsymmetricLoss(rate=1.0, separation=0.0), ProbabilityGap()
    for rows in torch.arange(48).split(8):
        logits = network(inputs[rows])
        optimizer.zero_grad()
        criterion(logits, targets[rows]).backward()
        optimizer.step()
        gauge.update(logits, targets[rows])
    expected = {"gamma": criterion.gamma_neg, "gap": gauge.compute().gap, "weight": network.weight.data}
    assert criterion.gamma_neg != 2
    for result in results:
        torch.testing.assert_close(result, expected, rtol=1e-5, atol=1e-6)
