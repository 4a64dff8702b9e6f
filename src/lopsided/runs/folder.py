"""A run is a folder: config.yaml, data.json, metrics.csv, checkpoints/, environment.json; calibration.json,
thresholds.json and evaluation.json once these are made."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lopsided.data import ImageOptions, Inputs
from lopsided.data.contents.identity import Identity
from lopsided.data.derived.preparation import Preparation
from lopsided.models import build_model, usual_kind
from lopsided.runs.config import Config
from lopsided.runs.formats import FORMAT, check_format
from lopsided.runs.loss.calibrators import Calibrator, ClosedForm, closed_form, from_fit
from lopsided.runs.preparations import about_preparation, load_preparation
from lopsided.runs.reading import read_checkpoint, read_json, read_text

COLUMNS = (
    *("epoch", "step", "loss", "cross_entropy", "p_pos", "p_neg", "gap", "gamma_neg", "learning_rate"),
    *("val_mAP", "val_cross_entropy", "val_p_pos", "val_p_neg", "val_gap"),
)
"""Of metrics.csv: a row for each training step, and one for each validation, whose cells start with val_."""


@dataclass(frozen=True)
class Trained:
    """A network with its best weights, and what its outputs mean."""

    model: nn.Module
    labels: tuple[str, ...]
    inputs: Inputs  # what it was trained on
    epoch: int  # from 1
    images: ImageOptions  # how image files become inputs
    closed_form: ClosedForm  # logits to probabilities, by what the loss says
    calibrator: Calibrator  # logits to probabilities: the closed form, or what calibrate fitted
    weights: str  # digest of the weights, by which what was made for them is kept
    preparation: Preparation | None = None  # what turns data as it was read into such inputs; None where it is such


@dataclass(frozen=True)
class RunFolder:
    """Names and contents of a run's files.

    Args:
        path: The folder.
    """

    path: Path

    @property
    def config_file(self) -> Path:
        """Everything that decides the run."""
        return self.path / "config.yaml"

    @property
    def metrics_file(self) -> Path:
        """A row for each step and validation."""
        return self.path / "metrics.csv"

    @property
    def environment_file(self) -> Path:
        """Versions and devices that it was made with, and the number of the folder's format."""
        return self.path / "environment.json"

    @property
    def data_file(self) -> Path:
        """Where its data lay, and the identity of it."""
        return self.path / "data.json"

    @property
    def preparation_folder(self) -> Path:
        """What turns data as it was read into inputs of the network, such as a tokeniser; absent where it is such."""
        return self.path / "preparation"

    @property
    def evaluation_file(self) -> Path:
        """Every metric on one split."""
        return self.path / "evaluation.json"

    @property
    def calibration_file(self) -> Path:
        """What ``lopsided calibrate`` fitted."""
        return self.path / "calibration.json"

    @property
    def thresholds_file(self) -> Path:
        """What ``lopsided thresholds`` chose."""
        return self.path / "thresholds.json"

    @property
    def loggers_file(self) -> Path:
        """By which numbers other services know the run; absent where none was asked for."""
        return self.path / "loggers.json"

    @property
    def unreadable_file(self) -> Path:
        """Images that could not be opened while training, with the reason; absent where there were none."""
        return self.path / "unreadable.csv"

    @property
    def label_weights_file(self) -> Path:
        """The factor on the loss of each label; absent where none was asked for."""
        return self.path / "label_weights.csv"

    @property
    def scores(self) -> Path:
        """Logits of splits, kept for the verbs that read them; may be removed at any time."""
        return self.path / "scores"

    @property
    def checkpoints(self) -> Path:
        """last.ckpt of every epoch, best.ckpt of the best one; without a validation split only the first."""
        return self.path / "checkpoints"

    def config(self) -> Config:
        """The configuration it was made with.

        Raises:
            ValueError: The folder holds no run, or one of a newer version.
        """
        if not self.config_file.is_file():
            raise ValueError(f"expected {self.path} to be the folder of a run, got one without {self.config_file.name}")
        check_format(self.environment_file, _format_in(self.environment_file))
        return Config.load(self.config_file)

    def rows(self) -> list[dict[str, str]]:
        """The rows of metrics.csv so far."""
        return read_rows(self.metrics_file) if self.metrics_file.is_file() else []

    def evaluation(self) -> dict[str, Any] | None:
        """The metrics that were last written, or None before any evaluation.

        Raises:
            ValueError: The file is damaged, of a newer version, or of other weights than the run has now.
        """
        if not self.evaluation_file.is_file():
            return None
        content = read_json(self.evaluation_file)
        check_format(self.evaluation_file, content.pop("format", None))
        made_for = content.pop("weights", None)  # older versions wrote none
        if made_for is not None and self._has_weights() and made_for != digest_of_tensors(self._best()["state_dict"]):
            raise ValueError(_of_other_weights(self.evaluation_file))
        return content

    def labels(self) -> tuple[str, ...]:
        """Names of the labels, in the order of the network's outputs; raises like :meth:`load`."""
        return tuple(self._best()["lopsided"]["labels"])

    def identity(self) -> Identity | None:
        """The identity of the data that the best weights were trained on; None without weights, or if an older version
        trained them. Raises like :meth:`load`."""
        return identity_in(self._best()) if self._has_weights() else None

    def load(self) -> Trained:
        """The network with its best averaged weights (without validation: the last), in evaluation mode on the CPU.

        Nothing in the file is executed.

        Raises:
            ValueError: There is no checkpoint yet, or it is not one of ours.
        """
        checkpoint = self._best(last=True)
        about = checkpoint["lopsided"]
        labels, config = tuple(about["labels"]), self.config()
        inputs = inputs_in(about)
        preparation = self.preparation(checkpoint)
        state = checkpoint["state_dict"]
        weights = {name.removeprefix("model."): value for name, value in state.items()}
        model = self._network(config, inputs, len(labels), weights, preparation)
        epoch, digest = checkpoint["epoch"] + 1, digest_of_tensors(state)
        closed = closed_form(config.loss, state, num_labels=len(labels))
        fit = self.decided(self.calibration_file, epoch=epoch, weights=digest)
        try:
            calibrator = closed if fit is None else from_fit(closed, fit, num_labels=len(labels))
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise ValueError(
                f"expected {self.calibration_file} to be what lopsided wrote, got {error!r:.100}"
            ) from error
        images = config.data.images()
        return Trained(model.eval(), labels, inputs, epoch, images, closed, calibrator, digest, preparation)

    def preparation(self, checkpoint: dict[str, Any]) -> Preparation | None:
        """What turns data into inputs of the network of a checkpoint; None where nothing needs to.

        Raises:
            ValueError: Its files are lost, damaged, or of other weights.
        """
        return load_preparation(self.preparation_folder, checkpoint["lopsided"].get("preparation"))

    def _network(
        self,
        config: Config,
        inputs: Inputs,
        num_labels: int,
        weights: dict[str, Tensor],
        preparation: Preparation | None,
    ) -> nn.Module:
        """The network with these weights; one that does not fit them is not even given memory."""
        try:
            for name, wanted in _shapes(config, inputs, num_labels, preparation).items():
                if weights[name].shape != wanted:
                    raise KeyError(f"another shape of {name}")
            model = _empty_network(config, inputs, num_labels, preparation)
            model.load_state_dict({name: weights[name] for name in model.state_dict()})
        except (KeyError, TypeError, RuntimeError, OverflowError) as error:
            why = error.args[0] if isinstance(error, KeyError) else error
            raise ValueError(
                f"expected the checkpoint in {self.path} to fit config.yaml beside it, got {why!s:.100}"
            ) from error
        return model

    def decided(self, path: Path, *, epoch: int, weights: str) -> dict[str, Any] | None:
        """What a file of the run (``calibration_file`` or ``thresholds_file``) says, or None where there is none.

        Raises:
            ValueError: The file is damaged, or was made for other weights than those of this epoch and digest.
        """
        if not path.is_file():
            return None
        again = f"make it again, or remove {path.name}"
        try:
            content = read_json(path)
            made_for, number = content["epoch"], content.get("format")
        except (ValueError, KeyError) as error:
            reason = "expected epoch" if isinstance(error, KeyError) else str(error).removeprefix(f"{path}: ")
            raise ValueError(f"expected {path} to be what lopsided wrote ({reason}): {again}") from error
        check_format(path, number)
        if made_for != epoch:
            raise ValueError(f"expected {path} to be made for epoch {epoch} of the run, got {made_for}: {again}")
        if content.get("weights", weights) != weights:  # older versions wrote none
            raise ValueError(_of_other_weights(path))
        return content

    def _has_weights(self) -> bool:
        return any((self.checkpoints / f"{name}.ckpt").is_file() for name in ("best", "last"))

    def _best(self, *, last: bool = False) -> dict[str, Any]:
        """The checkpoint with the best weights, read once for all that a verb asks of it; ``last`` lets go of it."""
        for name in ("best.ckpt", "last.ckpt"):
            if (path := self.checkpoints / name).is_file():
                about = path.stat()
                key = (str(path.resolve()), about.st_ino, about.st_size, about.st_mtime_ns)
                content = _READ[key] if key in _READ else self.checkpoint(path)
                _READ.clear()
                if not last:
                    _READ[key] = content
                return content
        raise ValueError(f"expected {self.path} to hold a trained run, got one without a checkpoint")

    def checkpoint(self, path: Path) -> dict[str, Any]:
        """What best.ckpt or last.ckpt holds.

        Raises:
            ValueError: It is not one of ours, or of another version; nothing in it was executed.
        """
        checkpoint = read_checkpoint(path)
        about = checkpoint.get("lopsided")
        if not isinstance(about, dict):
            raise ValueError(f"expected {path} to be a checkpoint of lopsided, got another")
        check_format(path, about.get("format"))
        if not _is_whole(checkpoint):
            raise ValueError(f"expected {path} to be a checkpoint of lopsided, got one with other contents")
        return checkpoint


_READ: dict[tuple[str, int, int, int], dict[str, Any]] = {}
"""The checkpoint that was read last, by its file, until its network is made."""


def _empty_network(config: Config, inputs: Inputs, num_labels: int, preparation: Preparation | None) -> nn.Module:
    return build_model(
        config.model,
        input_shape=inputs.shape,
        num_labels=num_labels,
        kind=inputs.kind,
        load_weights=False,
        **({} if preparation is None else preparation.for_network),
    )


def _shapes(config: Config, inputs: Inputs, num_labels: int, preparation: Preparation | None) -> dict[str, torch.Size]:
    """The shapes of a network's weights, found without memory for them; empty for backbones that must look at values
    while they are made."""
    try:
        with torch.device("meta"):
            model = _empty_network(config, inputs, num_labels, preparation)
    except NotImplementedError:
        return {}
    return {name: value.shape for name, value in model.state_dict().items()}


def digest_of_tensors(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of tensors, their names, types and shapes, in hexadecimal digits."""
    digest = hashlib.sha256()
    for name, tensor in tensors.items():
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _format_in(path: Path) -> Any:
    """The number of the format in a file of JSON; None where there is none, or the file was lost or damaged."""
    try:
        return read_json(path).get("format")
    except ValueError:
        return None


def read_rows(path: Path) -> list[dict[str, str]]:
    """The whole rows of a metrics file; a last line that a kill cut short is left out.

    Raises:
        ValueError: It is no such file.
    """
    text = read_text(path)
    whole = text[: text.rfind("\n") + 1]
    try:
        rows = list(csv.DictReader(whole.splitlines()))
    except csv.Error as error:
        raise ValueError(f"expected {path} to be what lopsided wrote, got {error}") from None
    return [row for row in rows if None not in row and None not in row.values() and row.get("step")]


def _is_whole(checkpoint: dict[str, Any]) -> bool:
    """Whether a checkpoint of our format holds what its readers take from it."""
    about, weights, epoch = checkpoint["lopsided"], checkpoint.get("state_dict"), checkpoint.get("epoch")
    try:
        identity_in(checkpoint)
    except ValueError:
        return False
    texts = [about.get(name) for name in ("labels", "feature_names")]
    shape = about.get("input_shape")
    return (
        all(isinstance(each, list) and all(isinstance(text, str) for text in each) for each in texts)
        and len(set(about["labels"])) == len(about["labels"]) > 0
        and isinstance(shape, list)
        and len(shape) > 0
        and all(isinstance(side, int) and side > 0 for side in shape)
        and isinstance(about.get("input_kind", ""), str)
        and isinstance(about.get("preparation", {}), dict)
        and isinstance(weights, dict)
        and all(isinstance(name, str) and isinstance(value, Tensor) for name, value in weights.items())
        and isinstance(epoch, int)
    )


def identity_in(checkpoint: dict[str, Any]) -> Identity | None:
    """The identity of the data that a checkpoint was trained on; None if an older version wrote it."""
    about = checkpoint["lopsided"]
    return Identity.of(about["data"]) if "data" in about else None


def inputs_in(about: dict[str, Any]) -> Inputs:
    """What :func:`about_run` kept of a network's inputs."""
    shape = tuple(about["input_shape"])
    return Inputs(about.get("input_kind", usual_kind(shape)), shape, tuple(about["feature_names"]))


def about_run(
    labels: tuple[str, ...],
    inputs: Inputs,
    identity: Identity | None = None,
    preparation: Preparation | None = None,
) -> dict[str, Any]:
    """What a checkpoint keeps for its readers."""
    names = {"labels": list(labels), "feature_names": list(inputs.names)}
    kind = {} if inputs.kind == usual_kind(inputs.shape) else {"input_kind": inputs.kind}
    data = {} if identity is None else {"data": identity.plain()}
    return {
        "format": FORMAT,
        "input_shape": list(inputs.shape),
        **kind,
        **names,
        **data,
        **about_preparation(preparation),
    }


def made_on(trained: Trained, *, split: str, source: str | None) -> dict[str, Any]:
    """What a calibration or thresholds of a network keep of where they come from; ``source`` is None for own data."""
    where = {"split": split} if source is None else {"split": split, "source": source}
    return {**where, "epoch": trained.epoch, "weights": trained.weights}


def _of_other_weights(path: Path) -> str:
    return (
        f"{path}: expected what was made for the weights of the run, got what was made for others (it was trained "
        f"again, or further): make it again, or remove {path.name}"
    )
