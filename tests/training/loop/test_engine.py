import pytest
import torch

from lopsided.training import TrainingOptions
from lopsided.training.loop.engine import check_options


@pytest.fixture
def num_gpus(monkeypatch):
    """Sets how many GPUs torch sees."""

    def see(count):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)

    return see


@pytest.fixture(autouse=True)
def no_launcher(monkeypatch):
    for name in ("MASTER_ADDR", "SLURM_JOB_ID", "LSB_JOBID", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("gpus", "settings", "validation", "message"),
    [
        (0, {"precision": "float16"}, 10, "training.precision=float16 needs a GPU, got a CPU"),
        (1, {"precision": "float16", "accelerator": "cpu"}, 10, "float16 needs a GPU, got a CPU"),
        (0, {"accelerator": "gpu"}, 10, "training.accelerator=gpu needs a GPU, got none: choose cpu or auto"),
        (2, {"devices": 4}, 1000, "expected training.devices to be at most 2 here, got 4"),
        (
            0,
            {"machines": 2},
            1000,
            "training.machines=2 needs a launcher .*: torchrun --nnodes 2 --nproc-per-node 1 -m",
        ),
        (0, {"patience": 1}, 0, "training.patience needs a validation split"),
        (0, {"devices": 8, "batch_size": 4}, 28, r"number of validation batches, 7 \(28 samples, 4 a batch\), got 8"),
    ],
)
def test_what_cannot_be_met_is_refused_before_any_work(num_gpus, gpus, settings, validation, message):
    num_gpus(gpus)
    with pytest.raises(ValueError, match=message):
        check_options(TrainingOptions(**settings), num_validation=validation)


@pytest.mark.parametrize(
    ("gpus", "settings", "validation"),
    [
        (0, {"devices": 8, "batch_size": 4}, 29),
        (0, {"devices": 8, "batch_size": 4}, 0),
        (4, {"devices": 4, "accelerator": "gpu", "precision": "float16"}, 1000),
        (1, {"devices": 2, "accelerator": "cpu"}, 1000),
    ],
)
def test_what_can_be_met_is_taken(num_gpus, gpus, settings, validation):
    num_gpus(gpus)
    check_options(TrainingOptions(**settings), num_validation=validation)


def test_a_launcher_connects_machines(num_gpus, monkeypatch):
    num_gpus(0)
    monkeypatch.setenv("MASTER_ADDR", "10.0.0.1")
    check_options(TrainingOptions(machines=2, devices=1), num_validation=1000)
