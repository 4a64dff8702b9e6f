"""Everything that decides a run, as frozen values; saved beside the run, so that it repeats from its own file."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import yaml

import lopsided
from lopsided.data.options import DataOptions
from lopsided.models.options import ModelOptions
from lopsided.runs.json_files import write_whole
from lopsided.runs.loss.options import LossName as LossName
from lopsided.runs.loss.options import LossOptions
from lopsided.runs.reading import read_yaml


@dataclass(frozen=True)
class TrainingOptions:
    """How to train: averaged weights; by default Adam and one cycle of the learning rate.

    Args:
        epochs: Passes over the training split, >= 1; where it is not given, counts of words take 4.
        batch_size: Samples at a time on each device, >= 1.
        accumulate: Batches that make one step of the optimiser, >= 1.
        learning_rate: Highest learning rate, > 0.
        optimizer: adamw (Adam with true weight decay), nadam or radam (likewise), or sgd, with Nesterov's momentum of
            0.9, which wants a rate of its own.
        schedule: Of the learning rate: one_cycle (up, and down to nearly 0 along a cosine), cosine or linear (down to
            0), or constant.
        warmup: Share of the steps over which the learning rate rises, in [0, 1) (default: 0.3 for one_cycle, else 0).
        weight_decay: True weight decay, >= 0 (of sgd: added to the gradient); biases and normalisation have none.
        label_smoothing: Share of each target that is moved to 1/2 while training, in [0, 1).
        label_weights: CSV file with columns label and weight: a factor, >= 0, on the training loss of each label
            (default: 1 each). Positives alone weigh more with loss.name=weighted.
        clip_norm: Largest norm of a step's gradient, > 0; longer ones are shortened to it (default: none are).
        ema_decay: Decay per step of the averaged weights, which are evaluated and saved, in [0, 1); shorter at first.
        patience: Epochs without a better validation mAP after which training stops, >= 1 (default: never).
        sampling: shuffle (each sample once an epoch), or balanced: as many draws, with replacement, in which every
            label has equal chances, and having no label too.
        precision: float32, or bfloat16 or float16 where that is faster; the loss is computed in float32.
        channels_last: Memory order of images that convolutions are faster in.
        gradient_checkpointing: Compute a backbone's activations again on the way back instead of keeping them: less
            memory, more time.
        compile: Let torch.compile translate the network, which takes a minute and is then faster on a GPU.
        workers: Processes that prepare batches; 0 prepares them in the training process (default: 0 for tables, for
            images one for each core up to 8).
        accelerator: auto, cpu or gpu.
        devices: Devices (processes) to train on, on each machine, >= 1.
        machines: Machines to train on, >= 1; start the same command on each, with torchrun.
    """

    epochs: int = 20
    batch_size: int = 128  # samples
    accumulate: int = 1  # batches
    learning_rate: float = 2e-3
    optimizer: Literal["adamw", "nadam", "radam", "sgd"] = "adamw"
    schedule: Literal["one_cycle", "cosine", "linear", "constant"] = "one_cycle"
    warmup: float | None = None  # share of the steps
    weight_decay: float = 1e-4
    label_smoothing: float = 0.0  # share
    label_weights: str | None = None  # a file
    clip_norm: float | None = None
    ema_decay: float = 0.9997  # per step
    patience: int | None = None  # epochs
    sampling: Literal["shuffle", "balanced"] = "shuffle"
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    channels_last: bool = True
    gradient_checkpointing: bool = False
    compile: bool = False
    workers: int | None = None
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    devices: int = 1
    machines: int = 1

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "accumulate", "patience", "devices", "machines"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise ValueError(f"expected training.{name} to be at least 1, got {value}")
        for name in ("learning_rate", "clip_norm"):
            if (value := getattr(self, name)) is not None and not 0 < value < float("inf"):
                raise ValueError(f"expected training.{name} to be above 0, got {value}")
        if not 0 <= self.weight_decay < float("inf"):
            raise ValueError(f"expected training.weight_decay to be at least 0, got {self.weight_decay}")
        for name in ("ema_decay", "label_smoothing", "warmup"):
            if (value := getattr(self, name)) is not None and not 0 <= value < 1:
                raise ValueError(f"expected training.{name} to lie in [0, 1), got {value}")
        for name in ("optimizer", "schedule"):
            choices = get_args(get_type_hints(type(self))[name])
            if (value := getattr(self, name)) not in choices:
                raise ValueError(f"expected training.{name} to be one of {', '.join(choices)}, got {value!r:.40}")
        if self.workers is not None and self.workers < 0:
            raise ValueError(f"expected training.workers to be at least 0, got {self.workers}")


LOGGERS = ("tensorboard", "wandb", "mlflow")
"""What the numbers of a run may be sent to."""


@dataclass(frozen=True)
class ReportOptions:
    """What the report of a run shows, and where its numbers go.

    Args:
        title: Heading of the page.
        examples: Test samples to show with true and predicted labels, >= 0.
        loggers: Where numbers go beside metrics.csv while training, joined by commas: tensorboard (default, in the
            run), wandb (project: WANDB_PROJECT) and mlflow (server or file: MLFLOW_TRACKING_URI), or none.
    """

    title: str = "Training report"
    examples: int = 8  # samples
    loggers: str = "tensorboard"

    @property
    def logger_names(self) -> tuple[str, ...]:
        """The names in ``loggers``, none of them twice."""
        names = [name.strip() for name in self.loggers.split(",") if name.strip()]
        return () if names == ["none"] else tuple(dict.fromkeys(names))

    def __post_init__(self) -> None:
        for name in self.logger_names:
            if name not in LOGGERS:
                raise ValueError(f"expected report.loggers to be of {', '.join(LOGGERS)}, or none, got {name!r:.40}")
        if self.examples < 0:
            raise ValueError(f"expected report.examples to be at least 0, got {self.examples}")


@dataclass(frozen=True)
class Config:
    """One run: a source, five groups of options and a seed, from 0 to 2 ** 32 - 1."""

    source: str
    data: DataOptions = field(default_factory=DataOptions)
    model: ModelOptions = field(default_factory=ModelOptions)
    loss: LossOptions = field(default_factory=LossOptions)
    training: TrainingOptions = field(default_factory=TrainingOptions)
    report: ReportOptions = field(default_factory=ReportOptions)
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"expected --seed to lie in 0 to 4294967295, got {self.seed!r:.40}")

    def flat(self) -> dict[str, Any]:
        """Every option by the name it has on the command line, such as ``loss.gamma_neg``."""
        flat: dict[str, Any] = {}
        for name, value in dataclasses.asdict(self).items():
            flat |= {f"{name}.{key}": part for key, part in value.items()} if isinstance(value, dict) else {name: value}
        return flat

    def save(self, path: Path) -> None:
        """Write the configuration as YAML; settings that were left out are not written."""
        fields = dataclasses.asdict(self)
        groups = {
            name: {key: value for key, value in group.items() if value is not None}
            for name, group in fields.items()
            if isinstance(group, dict)
        }
        write_whole(path, yaml.safe_dump({**fields, **groups}, sort_keys=False, allow_unicode=True))

    @staticmethod
    def load(path: Path) -> Config:
        """Read what :meth:`save` wrote.

        Raises:
            ValueError: The file is no configuration of a run.
        """
        fields = read_yaml(path)
        try:
            for name in set(fields) - {field.name for field in dataclasses.fields(Config)}:
                raise ValueError(f"an unknown {name!r:.40}")
            source, seed = fields["source"], fields["seed"]
            if not isinstance(source, str) or type(seed) is not int:
                raise ValueError(f"source {source!r:.40} and seed {seed!r:.40}")
            groups = {name: group(**checked_fields(group, name, fields[name])) for name, group in GROUPS.items()}
            return Config(source=source, seed=seed, **groups)
        except (KeyError, ValueError) as error:
            why = f"no {error.args[0]}" if isinstance(error, KeyError) else error
            raise ValueError(f"expected {path} to hold the configuration of a run, got: {why}") from error


GROUPS = {
    "data": DataOptions,
    "model": ModelOptions,
    "loss": LossOptions,
    "training": TrainingOptions,
    "report": ReportOptions,
}
"""The groups of options, by the names that they have in a configuration."""


def checked_fields(group: type, name: str, values: Any) -> dict[str, Any]:
    """Values that a file gives for the fields of a group of options.

    Raises:
        ValueError: There is another field, or a value of another type.

    >>> checked_fields(ReportOptions, "report", {"examples": 3})
    {'examples': 3}
    """
    if not isinstance(values, dict):
        raise ValueError(
            f"expected {name} to hold options such as {name}.{dataclasses.fields(group)[0].name}, got {values!r:.40}"
        )
    kinds = get_type_hints(group)
    for field_name, value in values.items():
        if field_name not in kinds:
            raise ValueError(
                f"the option {name}.{field_name!s:.40}, which lopsided {lopsided.__version__} does not know: it was "
                "made by another version (upgrade: pip install --upgrade lopsided), or remove that line"
            )
        if not _fits(value, kinds[field_name]):
            raise ValueError(f"{name}.{field_name} has another type, got {value!r:.40}")
    return values


def _fits(value: Any, kind: Any) -> bool:
    if get_origin(kind) is Literal:
        return isinstance(value, str)  # which of them are allowed, the group itself says
    if parts := get_args(kind):
        return any(_fits(value, part) for part in parts)
    return type(value) is kind or (kind is float and type(value) is int)
