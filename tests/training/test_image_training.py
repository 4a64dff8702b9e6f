"""What people expect of a trainer of images: other views, soft targets, less memory."""

import dataclasses
import importlib

import pytest
import torch

from lopsided.data import DataOptions
from lopsided.models import ModelOptions
from lopsided.training import Config, LossOptions, TrainingOptions
from lopsided.training.fit import fit
from lopsided.training.loop.steps import Steps

pytest.importorskip("PIL", reason="images need Pillow")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.fixture
def images():
    return Config(
        source="listing:pictures",
        data=DataOptions(image_size=16, cutout=0.0, rand_augment=0),
        model=ModelOptions(name="small_cnn", width=8),
        loss=LossOptions(name="asymmetric"),
        training=TrainingOptions(epochs=2, batch_size=8, accelerator="cpu", workers=0),
    )


def weights(run):
    return torch.load(run.checkpoints / "last.ckpt", weights_only=True)["state_dict"]


def changed(config, group, **values):
    return dataclasses.replace(config, **{group: dataclasses.replace(getattr(config, group), **values)})


def test_a_cut_run_with_other_views_and_its_own_optimiser_ends_as_one_that_was_not_cut(
    tmp_path, images, make_manifest, monkeypatch
):
    data = {"horizontal_flip": True, "random_crop": 0.5, "color_jitter": 0.3}
    training = {"optimizer": "sgd", "schedule": "cosine", "warmup": 0.1, "label_smoothing": 0.1}
    config, manifest = changed(changed(images, "data", **data), "training", **training), make_manifest(60)
    whole = fit(config, tmp_path / "whole", data=manifest)
    take = Steps.take

    def cut(self, batch, *, epoch, number):
        if (epoch, number) == (1, 2):
            raise KeyboardInterrupt
        take(self, batch, epoch=epoch, number=number)

    monkeypatch.setattr(Steps, "take", cut)
    with pytest.raises(KeyboardInterrupt):
        fit(config, tmp_path / "cut", data=manifest)
    monkeypatch.setattr(Steps, "take", take)
    again = fit(config, tmp_path / "cut", data=manifest, resume=True)
    assert all(torch.equal(a, b) for a, b in zip(weights(whole).values(), weights(again).values(), strict=True))


@pytest.mark.parametrize("name", ["two_way", "adaptive"])
def test_smoothing_is_refused_by_losses_that_it_would_mislead(tmp_path, images, make_manifest, name):
    config = dataclasses.replace(images, loss=LossOptions(name=name))
    with pytest.raises(ValueError, match=rf"expected no training\.label_smoothing with loss\.name={name}"):
        fit(changed(config, "training", label_smoothing=0.1), tmp_path / "run", data=make_manifest(20))
    assert not (tmp_path / "run" / "metrics.csv").exists()


def test_mixup_is_refused_by_a_loss_of_hard_targets(tmp_path, images, make_manifest):
    config = changed(dataclasses.replace(images, loss=LossOptions(name="two_way")), "data", mixup=0.2)
    with pytest.raises(ValueError, match=r"expected no data\.mixup with loss\.name=two_way"):
        fit(config, tmp_path / "run", data=make_manifest(20))


def test_one_hears_where_smoothing_leads_an_asymmetric_loss(tmp_path, images, make_manifest, capsys):
    training = dataclasses.replace(images.training, label_smoothing=0.1, epochs=1)
    fit(dataclasses.replace(images, training=training), tmp_path / "run", data=make_manifest(20))
    assert "label that is never true to an output of 0.40, not 0.05" in capsys.readouterr().err
    plain = dataclasses.replace(images, training=training, loss=LossOptions(name="cross_entropy"))
    fit(plain, tmp_path / "plain", data=make_manifest(20))
    assert "smoothing" not in capsys.readouterr().err


def test_computing_activations_again_changes_no_weight(tmp_path, timm, images, make_manifest):
    model = ModelOptions(name="test_vit", pretrained=False)
    config = changed(dataclasses.replace(images, model=model), "data", image_size=160)
    manifest = make_manifest(12)
    kept = fit(changed(config, "training", epochs=1), tmp_path / "kept", data=manifest)
    calls, module = [], importlib.import_module("timm.models.vision_transformer")
    with pytest.MonkeyPatch.context() as patch:
        original = module.checkpoint_seq
        patch.setattr(module, "checkpoint_seq", lambda *args: calls.append(1) or original(*args))
        again = fit(
            changed(config, "training", epochs=1, gradient_checkpointing=True), tmp_path / "again", data=manifest
        )
    assert calls
    for name, value in weights(kept).items():
        torch.testing.assert_close(weights(again)[name], value, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("model", "what"),
    [
        (ModelOptions(name="small_cnn", width=8), "got a network without one"),
        (ModelOptions(name="test_vit", pretrained=False, frozen=True), r"got model\.frozen=true"),
    ],
)
def test_it_is_refused_where_it_can_do_nothing(tmp_path, timm, images, make_manifest, model, what):
    config = dataclasses.replace(images, model=model, data=dataclasses.replace(images.data, image_size=160))
    with pytest.raises(ValueError, match=what):
        fit(changed(config, "training", gradient_checkpointing=True), tmp_path / "run", data=make_manifest(20))
