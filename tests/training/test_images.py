"""From image files to a run, its metrics and its predictions."""

import csv
import dataclasses
import filecmp

import numpy as np
import pytest
import torch

from lopsided.data import DataOptions
from lopsided.inference.cross_fit import out_of_sample
from lopsided.inference.evaluate import evaluate
from lopsided.inference.predict import predict
from lopsided.inference.scoring import collected
from lopsided.models import ModelOptions
from lopsided.training import Config, LossOptions, TrainingOptions
from lopsided.training.fit import fit
from lopsided.training.loop.log.steps import StepLog
from lopsided.training.loop.steps import Steps

pytest.importorskip("PIL", reason="images need Pillow")
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:Detected pickle protocol"),
]


@pytest.fixture
def images():
    return Config(
        source="listing:pictures",
        data=DataOptions(image_size=16, rand_augment=0),
        model=ModelOptions(name="small_cnn", width=8),
        loss=LossOptions(name="adaptive"),
        training=TrainingOptions(epochs=2, batch_size=8, accelerator="cpu", workers=0),
    )


def test_colours_are_learned_from_files(tmp_path, images, make_manifest):
    manifest = make_manifest(200)
    training = dataclasses.replace(images.training, epochs=8, learning_rate=1e-2)
    result = evaluate(fit(dataclasses.replace(images, training=training), tmp_path / "run", data=manifest), manifest)
    assert result["split"] == "test"
    assert result["mAP"] > 0.95
    assert result["unreadable"] == []
    assert not (tmp_path / "run" / "unreadable.csv").exists()


def test_a_batch_normalisation_never_sees_one_image_alone(tmp_path, timm, images, make_manifest):
    manifest, model = make_manifest(40), ModelOptions(name="test_resnet", pretrained=False)
    num_train = len(manifest.rows("train"))
    images = dataclasses.replace(images, data=DataOptions(image_size=8, rand_augment=0), model=model)

    def of(**settings):
        return dataclasses.replace(images, training=dataclasses.replace(images.training, epochs=1, **settings))

    run = fit(of(batch_size=num_train - 1), tmp_path / "run", data=manifest)
    assert [row["step"] for row in run.rows() if row["loss"]] == ["1"]
    with pytest.raises(ValueError, match=r"batch_size to be at least 2, because the batch norm.* 8 x 8 pixels, got 1$"):
        fit(of(batch_size=1), tmp_path / "other", data=manifest)
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("workers", [0, 2])
def test_broken_images_are_named_and_count_for_nothing(tmp_path, capsys, images, make_manifest, workers):
    manifest = make_manifest(40, broken=(0, 2, 3))  # of train, val and test
    images = dataclasses.replace(images, training=dataclasses.replace(images.training, workers=workers))
    run = fit(images, tmp_path / "run", data=manifest)
    with run.unreadable_file.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == ["000.png", "002.png"]
    assert all(row["reason"] for row in rows)
    said = capsys.readouterr().err
    assert said.count("2 images of 40 could not be opened and count for nothing; the first: ") == 1
    assert evaluate(run, manifest)["unreadable"] == [3]

    assert predict(run, manifest, tmp_path / "out.csv") == (10, [3])
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = {row["path"]: row for row in csv.DictReader(file)}
    assert rows["003.png"] == {"path": "003.png", "labels": "", "p:red": "", "p:blue": ""}
    assert 0 <= float(rows["007.png"]["p:red"]) <= 1


def test_broken_images_end_the_run_where_they_are_refused(tmp_path, images, make_manifest):
    strict = dataclasses.replace(images, data=dataclasses.replace(images.data, unreadable="refuse"))
    with pytest.raises(ValueError, match=r"000\.png"):
        fit(strict, tmp_path / "run", data=make_manifest(40, broken=(0,)))


@pytest.mark.parametrize("mixup", [0.0, 0.5])
def test_augmentation_depends_on_the_seed_and_not_on_the_number_of_workers(tmp_path, images, make_manifest, mixup):
    manifest = make_manifest(40)
    data = dataclasses.replace(images.data, mixup=mixup)
    runs = [
        fit(
            dataclasses.replace(
                images, data=data, seed=seed, training=dataclasses.replace(images.training, workers=workers)
            ),
            tmp_path / name,
            data=manifest,
        )
        for name, workers, seed in (("none", 0, 0), ("two", 2, 0), ("other", 0, 1))
    ]
    assert filecmp.cmp(runs[0].metrics_file, runs[1].metrics_file, shallow=False)
    assert not filecmp.cmp(runs[0].metrics_file, runs[2].metrics_file, shallow=False)


@pytest.mark.parametrize("frozen", [False, True])
def test_a_run_that_was_cut_and_resumed_equals_one_that_was_not(
    tmp_path, monkeypatch, request, images, make_manifest, frozen
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    manifest = make_manifest(40)
    images = dataclasses.replace(images, training=dataclasses.replace(images.training, epochs=4))
    if frozen:
        request.getfixturevalue("timm")
        model = ModelOptions(name="test_resnet", frozen=True, pretrained=False)
        images = dataclasses.replace(images, data=DataOptions(image_size=32), model=model)
    whole = fit(images, tmp_path / "whole", data=manifest)
    written, count = StepLog.write_validation, 0

    def cut(self, values, *, epoch, step):
        nonlocal count
        count += 1
        written(self, values, epoch=epoch, step=step)
        if count == 3:
            raise InterruptedError("cut")

    monkeypatch.setattr(StepLog, "write_validation", cut)
    with pytest.raises(InterruptedError):
        fit(images, tmp_path / "cut", data=manifest)
    monkeypatch.undo()
    resumed = fit(images, tmp_path / "cut", data=manifest, resume=True)
    assert filecmp.cmp(whole.metrics_file, resumed.metrics_file, shallow=False)
    first, second = (torch.load(run.checkpoints / "last.ckpt", weights_only=True) for run in (whole, resumed))
    torch.testing.assert_close(first["state_dict"], second["state_dict"], rtol=0, atol=0)


@pytest.mark.parametrize("head", ["linear", "ml_decoder"])
def test_a_head_on_a_frozen_backbone_is_saved_with_it(tmp_path, monkeypatch, timm, images, make_manifest, head):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    manifest = make_manifest(40, broken=(0,))
    model = ModelOptions(
        name="test_resnet", head=head, width=16 if head == "ml_decoder" else None, frozen=True, pretrained=False
    )
    config = dataclasses.replace(images, data=DataOptions(image_size=32), model=model)
    run = fit(config, tmp_path / "run", data=manifest)
    assert list((tmp_path / "cache").rglob("*.npz"))
    result = evaluate(run, manifest)
    rows = [row for row in run.rows() if row["val_mAP"]]
    on_images = evaluate(run, manifest, split="val", save=False)
    best = max(float(row["val_mAP"]) for row in rows)
    assert on_images["mAP"] == pytest.approx(best, abs=1e-4)  # features from disk, images anew
    assert result["split"] == "test"
    assert "000.png" in run.unreadable_file.read_text()


def test_an_audit_of_a_frozen_backbone_scores_its_features_as_if_they_were_images(
    tmp_path, monkeypatch, timm, images, make_manifest
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    manifest = make_manifest(40, broken=(0, 3))  # of train and test
    model = ModelOptions(name="test_resnet", frozen=True, pretrained=False)
    run = fit(
        dataclasses.replace(images, data=DataOptions(image_size=32), model=model), tmp_path / "run", data=manifest
    )
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*.npz")}
    scores = out_of_sample(run, manifest, folds=2)
    assert times == {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*.npz")}
    assert scores.rows.tolist() == list(range(40))
    assert scores.unreadable == [0, 3]
    assert (~scores.known).any(dim=1).nonzero().flatten().tolist() == [0, 3]
    test = manifest.rows("test")[1:]
    on_images = collected(run.load(), manifest, split="test", batch_size=8).logits[1:]
    torch.testing.assert_close(scores.logits[test], on_images, rtol=1e-4, atol=1e-4)


def test_what_is_augmented_goes_through_the_frozen_backbone(tmp_path, monkeypatch, timm, images, make_manifest):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    model = ModelOptions(name="test_resnet", frozen=True, pretrained=False)
    config = dataclasses.replace(images, data=DataOptions(image_size=32, cutout=0.5), model=model)
    run = fit(config, tmp_path / "run", data=make_manifest(16))
    assert not (tmp_path / "cache").exists()
    weights = torch.load(run.checkpoints / "last.ckpt", weights_only=True)
    averaged, current = weights["state_dict"], weights["current_model_state"]
    frozen = [name for name in averaged if name.startswith("model.backbone.")]
    assert frozen
    assert all(torch.equal(averaged[name], current[name]) for name in frozen)
    assert not torch.equal(averaged["model.head.1.weight"], current["model.head.1.weight"])


def test_lower_layers_learn_more_slowly(tmp_path, timm, images, make_manifest):
    manifest = make_manifest(16)
    moved = {}
    for decay in (None, 0.1):
        model = ModelOptions(name="test_resnet", pretrained=False, layer_decay=decay)
        config = dataclasses.replace(images, data=DataOptions(image_size=32, cutout=0, rand_augment=0), model=model)
        run = fit(config, tmp_path / str(decay), data=manifest)
        ended = torch.load(run.checkpoints / "last.ckpt", weights_only=True)["current_model_state"]
        lowest = "model.backbone.network.conv1.0.weight"
        moved[decay] = ended[lowest]
    from lightning_fabric import seed_everything

    from lopsided.models import build_model

    seed_everything(images.seed, verbose=False)
    start = build_model(ModelOptions(name="test_resnet", pretrained=False), input_shape=(3, 32, 32), num_labels=2)
    first = start.state_dict()[lowest.removeprefix("model.")]
    assert (moved[0.1] - first).norm() < 0.05 * (moved[None] - first).norm()


def test_samples_without_a_known_label_change_no_weights(tmp_path, images, make_manifest):
    manifest = make_manifest(16, broken=range(16))
    with np.errstate(all="raise"):
        run = fit(images, tmp_path / "run", data=manifest)
    assert {float(row["loss"]) for row in run.rows() if row["loss"]} == {0.0}


@pytest.fixture
def seen(monkeypatch):
    """The images of every training batch, by epoch and sample number."""
    images, step = {}, Steps.take

    def recorded(self, batch, *, epoch, number):
        images.update({(epoch, int(row)): one for row, one in zip(batch["rows"], batch["inputs"], strict=True)})
        return step(self, batch, epoch=epoch, number=number)

    monkeypatch.setattr(Steps, "take", recorded)

    def taken():
        found = dict(images)
        images.clear()
        return found

    return taken


def test_seeds_and_epochs_change_images_in_ways_of_their_own(tmp_path, images, make_manifest, seen):
    manifest = make_manifest(16)
    images = dataclasses.replace(images, data=dataclasses.replace(images.data, cutout=0.5))
    found = []
    for name, seed in (("one", 0), ("again", 0), ("other", 1)):
        fit(dataclasses.replace(images, seed=seed), tmp_path / name, data=manifest)
        found.append(seen())
    one, again, other = found
    assert (
        one.keys()
        == again.keys()
        == other.keys()
        == {(epoch, row) for epoch in (0, 1) for row in manifest.rows("train")}
    )
    assert all(torch.equal(one[place], again[place]) for place in one)
    rows = manifest.rows("train").tolist()
    for pairs in (
        [(one[0, row], one[1, row]) for row in rows],
        [(one[0, row], other[0, row]) for row in rows],
        [(one[1, row], other[0, row]) for row in rows],
    ):
        assert sum(not torch.equal(*pair) for pair in pairs) > len(rows) / 2


def test_a_run_that_goes_on_with_processes_of_its_own_sees_the_images_of_its_epoch(
    tmp_path, monkeypatch, images, make_manifest, seen
):
    manifest = make_manifest(16)
    data = dataclasses.replace(images.data, cutout=0.5)
    images = dataclasses.replace(images, data=data, training=dataclasses.replace(images.training, workers=1, epochs=3))
    fit(images, tmp_path / "whole", data=manifest)
    whole, written = seen(), StepLog.write_validation

    def cut(self, values, *, epoch, step):
        written(self, values, epoch=epoch, step=step)
        if epoch == 1:
            raise InterruptedError("cut")

    with monkeypatch.context() as patched:
        patched.setattr(StepLog, "write_validation", cut)
        with pytest.raises(InterruptedError):
            fit(images, tmp_path / "cut", data=manifest)
    seen()
    fit(images, tmp_path / "cut", data=manifest, resume=True)
    resumed = seen()
    assert {epoch for epoch, _ in resumed} == {1, 2}
    assert all(torch.equal(image, whole[place]) for place, image in resumed.items())
