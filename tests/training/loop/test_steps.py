"""What a batch changes: gradients that are scaled, clipped, accumulated and shared."""

import pytest
import torch
import torch.distributed as dist
from lightning_fabric import Fabric
from lightning_fabric.plugins import MixedPrecision
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from lopsided.runs.loss.criterion import build_criterion
from lopsided.training import LossOptions, TrainingOptions
from lopsided.training.loop.steps import Steps
from lopsided.training.loop.task import MultiLabelTask


def steps_of(*, half=False, batches=6, seed=0, **options):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(5, 8), nn.Dropout(0.3), nn.Linear(8, 3))
    criterion = build_criterion(LossOptions(name="adaptive"), num_labels=3)
    task = MultiLabelTask(network, criterion, TrainingOptions(**options), about={})
    plugins = [MixedPrecision("16-mixed", device="cpu")] if half else []
    return Steps(task, Fabric(accelerator="cpu", devices=1, plugins=plugins), batches=batches, seed=seed)


def batch_of(number):
    draw = torch.Generator().manual_seed(number)
    return {"inputs": torch.randn(16, 5, generator=draw), "targets": torch.rand(16, 3, generator=draw) < 0.3}


def take(steps, numbers):
    for number in numbers:
        steps.take(batch_of(number), epoch=0, number=number)


def weights(steps):
    return [parameter.detach().clone() for parameter in steps.task.parameters()]


@pytest.mark.parametrize(
    "settings", [{}, {"accumulate": 4}, {"half": True}, {"half": True, "precision": "float16", "clip_norm": 0.1}]
)
def test_steps_go_on_from_what_was_saved_to_the_last_bit(settings):
    whole, first, then = (steps_of(**settings) for _ in range(3))
    take(whole, range(6))
    cut = settings.get("accumulate", 3)
    take(first, range(cut))
    state = first.state_dict()
    assert ("MixedPrecision" in state) == bool(settings.get("half"))
    then.load_state_dict(state)
    take(then, range(cut, 6))
    assert then.count == whole.count == (2 if "accumulate" in settings else 6)
    assert all(map(torch.equal, weights(whole), weights(then)))
    averaged, resumed = whole.average.state_dict(), then.average.state_dict()
    assert all(torch.equal(value, resumed[name]) for name, value in averaged.items())
    assert whole.fabric.strategy.precision.state_dict() == then.fabric.strategy.precision.state_dict()


def test_steps_of_adaptive_asymmetry_grow_over_the_batches_of_all_epochs():
    steps = steps_of(epochs=3, accumulate=2)
    assert steps.task.criterion.total_steps == 18
    take(steps, range(6))
    assert float(steps.task.criterion.present_rate) == pytest.approx(2 * 0.7 * 6.5 / 18)


def test_gradients_of_half_precision_are_clipped_after_they_are_unscaled():
    seen = {}
    for half in (False, True):
        options = {"precision": "float16"} if half else {}
        steps = steps_of(half=half, clip_norm=0.05, **options)
        steps.optimizer.register_step_pre_hook(
            lambda *_, steps=steps, half=half: seen.update(
                {half: torch.cat([part.grad.flatten() for part in steps.task.parameters()])}
            )
        )
        take(steps, [0])
    assert seen[False].norm().item() == pytest.approx(0.05, rel=1e-4)
    assert seen[True].norm().item() == pytest.approx(0.05, rel=1e-2)


def test_batches_that_are_accumulated_are_averaged_and_the_last_ones_make_a_step_too():
    steps = steps_of(accumulate=4)
    seen = []
    steps.optimizer.register_step_pre_hook(lambda *_: seen.append(steps.task.model[2].bias.grad.clone()))
    take(steps, range(6))
    assert len(seen) == steps.count == 2
    assert all(part.grad is None for part in steps.task.parameters())


@pytest.fixture
def one_process():
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.parametrize("accumulate", [1, 4])
def test_ranks_share_the_gradients_of_a_step_once(one_process, monkeypatch, accumulate):
    alone, shared = steps_of(accumulate=accumulate), steps_of(accumulate=accumulate)
    shared.trained = DistributedDataParallel(shared.task)
    kept, no_sync = [], DistributedDataParallel.no_sync
    monkeypatch.setattr(DistributedDataParallel, "no_sync", lambda self: kept.append(1) or no_sync(self))
    for steps in (alone, shared):
        take(steps, range(6))
    assert len(kept) == (4 if accumulate == 4 else 0)  # of 6 batches, 2 make a step
    assert all(map(torch.equal, weights(alone), weights(shared)))


def test_what_a_step_draws_depends_on_its_seed_and_place_alone():
    found = set()
    for place in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]:
        drawn = []
        for _ in range(2):
            torch.rand(3)
            steps_of(seed=place[0])._seed(*place[1:])
            drawn.append(tuple(torch.rand(3).tolist()))
        assert drawn[0] == drawn[1]
        found.add(drawn[0])
    assert len(found) == 4
