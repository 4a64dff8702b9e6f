"""Learning rates and weight decays that are tried for a setting; the grid grows where the best lies outermost."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

FACTOR = 4.0
"""Between a learning rate and the next one that is tried."""

DECAY_FACTOR = 10.0
"""Between the outermost weight decay and the next one that is tried beyond it."""

NO_DECAY = 1e-4
"""A weight decay that is as good as none: nothing is looked for below it."""


class Pair(NamedTuple):
    """What is chosen for a setting."""

    learning_rate: float
    weight_decay: float


@dataclass(frozen=True)
class Axis:
    """Numbers that may be tried, of which those from ``first`` to ``last`` are.

    Args:
        ladder: All of them, ascending.
        first: Place of the lowest that is tried.
        last: Place of the highest.
        ends_below: Whether there is nothing to look for below the ladder, so that its lowest number is no edge.
    """

    ladder: tuple[float, ...]
    first: int
    last: int
    ends_below: bool = False

    @property
    def values(self) -> tuple[float, ...]:
        """The numbers that are tried."""
        return self.ladder[self.first : self.last + 1]

    def is_edge(self, value: float) -> bool:
        """Whether it is the outermost of several, so that one beyond may be better."""
        place = self.ladder.index(value)
        if self.first == self.last:
            return False
        return place == self.last or (place == self.first and not (self.ends_below and place == 0))

    def toward(self, value: float) -> Axis:
        """One number more beyond a value that is an edge, if the ladder goes on there."""
        if not self.is_edge(value):
            return self
        if self.ladder.index(value) == self.first:
            return dataclasses.replace(self, first=max(self.first - 1, 0))
        return dataclasses.replace(self, last=min(self.last + 1, len(self.ladder) - 1))


def rates_around(middle: float, *, trials: int, widen: int) -> Axis:
    """So many learning rates, FACTOR apart, to three digits, and at most ``widen`` more on each side.

    >>> rates_around(0.01, trials=2, widen=1).values, rates_around(0.01, trials=2, widen=1).ladder
    ((0.01, 0.04), (0.0025, 0.01, 0.04, 0.16))
    """
    more = widen if trials > 1 else 0
    first = -((trials - 1) // 2)
    ladder = tuple(float(f"{middle * FACTOR**power:.3g}") for power in range(first - more, first + trials + more))
    return Axis(ladder, more, more + trials - 1)


def decays_of(values: tuple[float, ...], *, widen: int) -> Axis:
    """These weight decays, and at most ``widen`` more on each side, DECAY_FACTOR apart; none below NO_DECAY.

    >>> decays_of((1.0, 0.1), widen=1).ladder, decays_of((0.0, 1.0), widen=2).ladder
    ((0.01, 0.1, 1.0, 10.0), (0.0, 1.0, 10.0, 100.0))
    """
    given, more = tuple(sorted(values)), widen if len(values) > 1 else 0
    below = [float(f"{given[0] / DECAY_FACTOR**step:.3g}") for step in range(more, 0, -1)]
    below = [value for value in below if value >= NO_DECAY]
    above = [float(f"{given[-1] * DECAY_FACTOR**step:.3g}") for step in range(1, more + 1)]
    ladder = (*below, *given, *above)
    ends_below = ladder[0] / DECAY_FACTOR < NO_DECAY
    return Axis(ladder, len(below), len(below) + len(given) - 1, ends_below)


@dataclass(frozen=True)
class Axes:
    """The pairs that are tried: each learning rate with each weight decay."""

    rates: Axis
    decays: Axis

    def __iter__(self) -> Iterator[Pair]:
        return itertools.starmap(Pair, itertools.product(self.rates.values, self.decays.values))

    def __len__(self) -> int:
        return len(self.rates.values) * len(self.decays.values)

    def edges(self, pair: Pair) -> tuple[str, ...]:
        """The axes on which a pair is outermost."""
        of = {"learning rate": (self.rates, pair.learning_rate), "weight decay": (self.decays, pair.weight_decay)}
        return tuple(name for name, (axis, value) in of.items() if axis.is_edge(value))

    def toward(self, pair: Pair) -> Axes:
        """The pairs, and those of one number more on each axis on which this one is outermost."""
        return Axes(self.rates.toward(pair.learning_rate), self.decays.toward(pair.weight_decay))


def search(start: Axes, value: Callable[[Pair], float | None]) -> tuple[Axes, Pair | None]:
    """The pair of the highest value, and the pairs that it was chosen among.

    As long as the best lies outermost, the pairs one step beyond it are tried too, up to the ends of the ladders. What
    is tried next follows from the values alone, whoever made them and in which order.

    Args:
        start: What is tried at first.
        value: Of a pair; None where it has not been tried yet.

    Returns:
        The pairs to try, and the best of them, the first of equals; None as long as some were not tried.
    """
    axes = start
    while True:
        found = {pair: value(pair) for pair in axes}
        tried = {pair: one for pair, one in found.items() if one is not None}
        if len(tried) < len(found):
            return axes, None
        best = max(tried, key=tried.__getitem__)
        if (wider := axes.toward(best)) == axes:
            return axes, best
        axes = wider
