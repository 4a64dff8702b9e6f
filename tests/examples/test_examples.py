"""Every example runs as it says, and prints what it says."""

import ast
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from lopsided.losses import linear_asymmetric_loss

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
NEEDS = {"hugging_face_trainer": "accelerate", "lightning_module": "pytorch_lightning", "serve_onnx": "onnxscript"}
NUMBER = r"[-+]?\d[\d,]*(?:\.\d+)?"

# Warnings that other libraries raise about themselves, by how they begin.
NOTES = {
    "lightning_module": (
        "`isinstance(treespec, LeafSpec)` is deprecated:FutureWarning",
        "The 'train_dataloader' does not have many workers:UserWarning",
        "The 'val_dataloader' does not have many workers:UserWarning",
    ),
}


def needs(name):
    if (package := NEEDS.get(name)) and importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")


def promised_line(path):
    """The last indented line of the docstring."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    return [line.strip() for line in docstring.splitlines() if line.startswith("    ")][-1]


def last_line(path):
    notes = [word for note in NOTES.get(path.stem, ()) for word in ("-W", f"ignore:{note}")]
    # From here on no warning is forgiven; what an example starts itself inherits this through the environment only.
    ended = subprocess.run(
        [sys.executable, "-W", "error", *notes, str(path)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()[-1]


def numbers(line):
    return [float(number.replace(",", "")) for number in re.findall(NUMBER, line)]


@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_it_runs_and_ends_with_the_line_that_it_promises(path, request):
    needs(path.stem)
    if path.stem == "timm_loop":
        request.getfixturevalue("timm")
    came, promised = last_line(path), promised_line(path)
    assert re.sub(NUMBER, "#", came) == re.sub(NUMBER, "#", promised)
    # Other processors and kernels round otherwise, and training carries that on.
    assert numbers(came) == pytest.approx(numbers(promised), rel=0.4, abs=0.03)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_it_says_how_to_run_it_and_is_short(path):
    source = path.read_text(encoding="utf-8")
    assert f"    python examples/{path.name}\n" in ast.get_docstring(ast.parse(source))
    assert len(source.splitlines()) <= 120


@pytest.mark.slow
def test_torchrun_starts_the_adaptive_example_as_well():
    path = ROOT / "examples" / "adaptive_ddp.py"
    ended = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(path)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    # Not the exit code: after destroy_process_group() gloo of PyTorch 2.13 now and then aborts a process that ends.
    assert re.sub(NUMBER, "#", ended.stdout.strip()) == re.sub(NUMBER, "#", promised_line(path)), ended.stderr


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_accumulated_batches_of_the_hugging_face_example_cost_what_one_large_batch_costs():
    needs("hugging_face_trainer")
    spec = importlib.util.spec_from_file_location("example", ROOT / "examples" / "hugging_face_trainer.py")
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    from transformers.modeling_outputs import ImageClassifierOutput

    torch.manual_seed(0)
    logits, labels = torch.randn(12, 5), (torch.rand(12, 5) < 0.3).float()
    labels[torch.rand(12, 5) < 0.3] = example.UNKNOWN  # not as many in each batch
    known = (labels != example.UNKNOWN).sum()
    whole = example.multi_label_loss(ImageClassifierOutput(logits=logits), labels)
    parts = [
        example.multi_label_loss(ImageClassifierOutput(logits=logits[rows]), labels[rows], num_items_in_batch=known)
        for rows in torch.arange(12).split(5)
    ]
    torch.testing.assert_close(sum(parts), whole)


def loaded(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def on_one_process(parameters, loss_of):
    """The first and the last loss of the same training without processes, as the examples print them."""
    optimizer = torch.optim.AdamW(parameters, lr=0.02)
    losses = []
    for _ in range(30):
        loss = loss_of()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return [round(losses[0], 2), round(losses[-1], 2)]


@pytest.mark.slow
def test_labels_on_two_processes_learn_what_one_process_learns():
    body, head, inputs, targets = loaded("sharded_labels").made()
    alone = on_one_process(
        [*body.parameters(), *head.parameters()],
        lambda: linear_asymmetric_loss(
            body(inputs), head.weight, head.bias, targets, indices=True, margin=0.0, reduction="batchmean"
        ),
    )
    assert numbers(last_line(ROOT / "examples" / "sharded_labels.py"))[-2:] == pytest.approx(alone, abs=0.011)


@pytest.mark.slow
def test_a_sharded_last_layer_learns_what_a_whole_one_learns():
    network, inputs, targets = loaded("fsdp_many_labels").made()
    alone = on_one_process(network.parameters(), lambda: network(inputs, targets))
    assert numbers(last_line(ROOT / "examples" / "fsdp_many_labels.py"))[-2:] == pytest.approx(alone, abs=0.011)
