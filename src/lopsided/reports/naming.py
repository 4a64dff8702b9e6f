"""Words for settings: what a loss is called, and what tells the runs of a page apart."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Literal

from lopsided.losses.catalogue import CATALOGUE
from lopsided.runs.config import Config
from lopsided.runs.loss.options import LossOptions, loss_settings

PRINTED = "adaptive_printed"
"""Look of the adaptive loss with eq. 9 as printed."""

TITLES: dict[str, str] = {}
for _entry in CATALOGUE.values():
    TITLES[_entry.name] = _entry.title
    if _entry.name == "adaptive":
        TITLES[PRINTED] = f"{_entry.title}, printed sign"


def look_of(options: LossOptions) -> str:
    """The key of the loss's colour and dash; a negative rate, which is eq. 9 as printed, has its own."""
    if options.name == "adaptive" and loss_settings(options)["rate"] < 0:
        return PRINTED
    return options.name


def describe_loss(options: LossOptions) -> str:
    """The loss and its numbers in a few words; settings that follow from others are left out where they do.

    >>> describe_loss(LossOptions(gamma_neg=4, margin=0.05))
    'asymmetric, γ+ = 0, γ− = 4, m = 0.05'
    """
    symbols = CATALOGUE[options.name].settings
    settings = {name: value for name, value in loss_settings(options).items() if value is not None}
    parts = [f"{symbols[name]} = {shown(value)}" for name, value in settings.items() if not isinstance(value, bool)]
    parts += [symbols[name] for name, value in settings.items() if value is True]
    return ", ".join([TITLES[look_of(options)], *(part for part in parts if not part.startswith(" = "))])


def describe_curve(options: LossOptions, *, of: Literal["both", "negatives"] = "both") -> str:
    """The loss and the numbers that its curve depends on.

    >>> describe_curve(LossOptions(name="adaptive", gamma_neg=4.1)), describe_curve(LossOptions(), of="negatives")
    ('adaptive, γ+ = 0, γ− = 4.1, m = 0.2', 'asymmetric, γ− = 2, m = 0.2')
    """
    symbols, settings = CATALOGUE[options.name].settings, loss_settings(options)
    wanted = ("gamma", "gamma_pos", "gamma_neg", "margin") if of == "both" else ("gamma", "gamma_neg", "margin")
    parts = [f"{symbols[name]} = {shown(settings[name])}" for name in wanted if name in settings]
    return ", ".join([TITLES[look_of(options)], *parts])


def flat_options(config: Config) -> dict[str, str]:
    """Everything that decides a run, option by option as the command line names it; the report's own are left out."""
    groups = {
        "data": dataclasses.asdict(config.data),
        "model": dataclasses.asdict(config.model),
        "loss": {"name": config.loss.name, **loss_settings(config.loss)},
        "training": dataclasses.asdict(config.training),
    }
    if config.source != "digits":
        del groups["data"]["train_samples"]  # has no effect
    flat = {f"{group}.{name}": shown(value) for group, fields in groups.items() for name, value in fields.items()}
    return {"source": config.source, **flat, "seed": str(config.seed)}


def differing_options(configs: Sequence[Config]) -> list[str]:
    """Names of the options that are not the same in all runs, in the order of a configuration."""
    flat = [flat_options(config) for config in configs]
    names = dict.fromkeys(name for options in flat for name in options)
    return [name for name in names if len({options.get(name) for options in flat}) > 1]


def what_differs(configs: Sequence[Config]) -> list[str]:
    """Like :func:`differing_options`, with ``loss`` for all of a loss's options where the losses themselves differ."""
    names = differing_options(configs)
    return ["loss", *(name for name in names if not name.startswith("loss."))] if "loss.name" in names else names


def run_labels(configs: Sequence[Config], folders: Sequence[str]) -> list[str]:
    """One short name per run: its loss, and what tells it from the others of that loss.

    Args:
        configs: Configuration of each run.
        folders: Name of each run's folder, which is added where the configurations are the same.
    """
    looks = [look_of(config.loss) for config in configs]
    labels = []
    for config, look in zip(configs, looks, strict=True):
        alike = [other for other, its_look in zip(configs, looks, strict=True) if its_look == look]
        options = flat_options(config)
        symbols = {f"loss.{name}": symbol for name, symbol in CATALOGUE[config.loss.name].settings.items()}
        parts = [
            _told_apart(name, options[name], symbols.get(name, ""))
            for name in differing_options(alike)
            if name in options
        ]
        labels.append(", ".join([TITLES[look], *parts]))
    counts = Counter(labels)
    return [
        label if counts[label] == 1 else f"{label} ({folder})" for label, folder in zip(labels, folders, strict=True)
    ]


def shown(value: object) -> str:
    """A setting as a reader wants it: ``0.5``, ``yes``, ``default``."""
    match value:
        case None:
            return "default"
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return f"{value:g}".replace("-", "−") if abs(value) < 1e5 else str(value)
        case _:
            return str(value)


def _told_apart(name: str, value: str, symbol: str) -> str:
    if symbol and value not in ("yes", "no"):
        return f"{symbol} = {value}"
    return f"{name.rpartition('.')[2].replace('_', ' ')} {value}"
