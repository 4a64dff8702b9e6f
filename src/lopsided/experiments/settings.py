"""What each sweep compares: its losses and their places on the axis of the figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lopsided.experiments.axes import Axes
from lopsided.files.errors import did_you_mean
from lopsided.losses.catalogue import CATALOGUE, OTHER_NAMES
from lopsided.runs.loss.options import LossOptions

__all__ = ["Setting", "settings_of"]

SweepName = Literal["gamma_neg", "margin", "combination", "adaptive", "losses", "unknown"]

GRIDS: dict[str, tuple[str, ...]] = {
    "gamma_neg": ("0", "1", "2", "3", "4", "6", "8"),
    "margin": ("0", "0.05", "0.1", "0.2", "0.3", "0.4"),
    "combination": ("neither", "focusing", "shifting", "both"),
    "adaptive": ("0", "0.05", "0.1", "0.2"),
    "losses": tuple(CATALOGUE),
    "unknown": ("ignore", "negative", "selective", "class_aware"),
}
"""What is compared where nothing else is asked for."""

RATES = (1e-12, 1e12)
"""Learning rates that a study can hold."""

NUMBERS = (-1e6, 1e6)
"""Settings of losses that a study can hold."""

FIXED = (0.0, 1.0, 2.0, 4.0, 8.0)
"""Fixed gamma_neg that adaptive asymmetry is measured against."""


@dataclass(frozen=True)
class Setting:
    """One of the losses that a sweep compares.

    Args:
        name: What tells it from the others, such as ``asymmetric gamma_neg=2 margin=0``.
        loss: The loss.
        value: Its place on the axis, or None where it stands beside the axis for comparison.
    """

    name: str
    loss: LossOptions
    value: float | None = None


def settings_of(
    name: SweepName, *, grid: Sequence[str] | None = None, base: LossOptions | None = None
) -> list[Setting]:
    """The settings of a sweep, cross-entropy first.

    Args:
        name: gamma_neg (of the asymmetric loss, margin 0), margin (gamma_neg 0), combination (neither, focusing,
            shifting, both), adaptive (target gaps, beside fixed gamma_neg), losses (by name, with their defaults) or
            unknown (what P-ASL takes unknown labels for, beside asymmetric loss, which ignores them).
        grid: Values to compare; by default those of ``GRIDS``.
        base: Settings of the asymmetric or adaptive loss that are the same in all of them.

    Raises:
        ValueError: A value is not for the sweep, two values are one setting, or an option has no effect in it.

    >>> [setting.name for setting in settings_of("gamma_neg", grid=["0", "2"])]
    ['cross_entropy', 'asymmetric gamma_neg=0 margin=0', 'asymmetric gamma_neg=2 margin=0']
    """
    values = list(grid or GRIDS[name])
    given = (base or LossOptions()).given()
    if base is not None and base.name not in ("asymmetric", "adaptive"):
        raise ValueError(
            f"expected loss.name of a sweep to be left out, got {base.name}: lopsided sweep losses compares losses"
        )
    if name == "unknown" and base is not None and base.name != "asymmetric":
        raise ValueError(f"expected loss.name of the sweep unknown to be left out, got {base.name}")
    if name == "losses" and given:
        raise ValueError(f"expected the sweep losses to have defaults alone, got loss.{next(iter(given))}")
    if name in given:
        raise ValueError(f"expected the values of loss.{name} by --grid, got loss.{name} in the sweep that varies it")
    match name:
        case "gamma_neg":
            found = [
                _asymmetric({"margin": 0.0, **given, "gamma_neg": value}, value) for value in _numbers(name, values)
            ]
        case "margin":
            found = [
                _asymmetric({"gamma_neg": 0.0, **given, "margin": value}, value) for value in _numbers(name, values)
            ]
        case "combination":
            found = [_combined(part, given) for part in values]
        case "adaptive":
            found = _adaptive(_numbers(name, values), given)
        case "unknown":
            found = [_asymmetric(given, None), *(_partial(value, given) for value in values)]
        case _:
            found = [_named(_loss_name(value)) for value in values]
    _refuse_twice(name, values, found[-len(values) :])
    plain = _named("cross_entropy")
    return [plain, *(setting for setting in found if setting != plain)]


def check_numbers(settings: Sequence[Setting], axes: Axes) -> None:
    """Refuse numbers that a study cannot hold, of settings and of axes, before any run; the error names the number."""
    for rate in axes.rates.ladder:
        if not RATES[0] <= rate <= RATES[1]:
            raise ValueError(
                f"expected learning rates from {RATES[0]:g} to {RATES[1]:g} (training.learning_rate and those that "
                f"--trials and --widen add around it), got {rate:g}"
            )
    for decay in axes.decays.ladder:
        if decay > NUMBERS[1]:
            raise ValueError(
                f"expected weight decays up to {NUMBERS[1]:g} (with those that --widen adds), got {decay:g}"
            )
    for setting in settings:
        for name, value in setting.loss.given().items():
            if type(value) in (int, float) and not NUMBERS[0] <= value <= NUMBERS[1]:
                raise ValueError(
                    f"expected loss.{name} from {NUMBERS[0]:g} to {NUMBERS[1]:g} in a sweep, got {value:g}"
                )


def _refuse_twice(name: str, values: Sequence[str], settings: Sequence[Setting]) -> None:
    """Refuse one setting under two names: its runs would count twice, as if they were of more seeds."""
    first: dict[str, str] = {}
    for value, setting in zip(values, settings, strict=True):
        if (other := first.get(setting.name)) is not None:
            raise ValueError(
                f"expected the grid of {name} to name each setting once, got {other} and {value}, both {setting.name}: "
                "leave one out"
            )
        first[setting.name] = value


def name_of(loss: LossOptions) -> str:
    """The loss and the settings that were given, as a sweep calls it."""
    given = (f"{name}={_shown(value)}" for name, value in loss.given().items())
    return " ".join([loss.name, *given])


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _named(name: str) -> Setting:
    return Setting(name, LossOptions(name=name))


def _asymmetric(given: dict, value: float | None) -> Setting:
    loss = LossOptions(name="asymmetric", **given)
    return Setting(name_of(loss), loss, value)


def _combined(part: str, given: dict) -> Setting:
    usual = {"gamma_neg": 2.0, "margin": 0.2, **given}
    without = {"neither": ("gamma_neg", "margin"), "focusing": ("margin",), "shifting": ("gamma_neg",), "both": ()}
    if part not in without:
        raise ValueError(f"expected the grid of combination to be of {', '.join(without)}, got {part!r}")
    return _asymmetric({**usual, **dict.fromkeys(without[part], 0.0)}, None)


def _partial(unknown: str, given: dict) -> Setting:
    if unknown not in GRIDS["unknown"]:
        raise ValueError(f"expected the grid of unknown to be of {', '.join(GRIDS['unknown'])}, got {unknown!r}")
    more = {"unknown": "selective", "frequency_threshold": 0.05} if unknown == "class_aware" else {"unknown": unknown}
    loss = LossOptions(name="partial", **given, **more)
    return Setting(name_of(loss), loss)


def _adaptive(targets: Sequence[float], given: dict) -> list[Setting]:
    shared = {name: value for name, value in given.items() if name in ("gamma_pos", "margin", "detach_focus")}
    losses = [LossOptions(name="adaptive", **given, target_gap=target) for target in targets]
    fixed = [_asymmetric({**shared, "gamma_neg": value}, None) for value in FIXED]
    return [*fixed, *(Setting(name_of(loss), loss, target) for loss, target in zip(losses, targets, strict=True))]


def _numbers(name: str, values: Sequence[str]) -> list[float]:
    try:
        return [float(value) for value in values]
    except ValueError:
        raise ValueError(
            f"expected the grid of {name} to be numbers joined by commas, got {','.join(values)!r}"
        ) from None


def _loss_name(value: str) -> str:
    if value not in CATALOGUE:
        raise ValueError(
            f"expected the grid of losses to be of {', '.join(CATALOGUE)}, got {value!r:.40}"
            f"{did_you_mean(OTHER_NAMES.get(value, value), CATALOGUE)}"
        )
    return value
