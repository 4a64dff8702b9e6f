"""Whether scores tell enough about labels for an audit to count errors and to ask for removals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

FEWEST = 50
"""Noted labels, and labels that are not noted, below which nothing is estimated."""

FEWEST_OF_LABEL = 10
"""The same for one label, below which none of its noted labels is a suspect."""

LEAST_SEPARATION = 0.9
"""Share of pairs that networks must rank rightly before anything that they doubt is called wrong."""

MOST_WRONG = 0.3
"""Share of noted labels that look wrong, above which weak networks are a likelier reason than wrong labels."""

_LEAST_OF_LABEL = 0.8  # separation of one label, which is measured on fewer pairs
_MOST_WRONG_OF_LABEL = 0.5
_MOST_GIVEN_BACK = 0.25  # share of errors that the separation is corrected for: weak networks see errors everywhere


@dataclass(frozen=True, eq=False)
class Trust:
    """What the scores of an audit are good for.

    Args:
        separation: Share of pairs of a noted label and one that is not, both of one label's samples, of which the noted
            one scores higher, with what errors would take away given back; nan where there is no such pair.
        removable: Labels whose noted ones may be called wrong, bool, shape (labels,); none where ``warnings`` has any.
        warnings: Why the numbers must not be believed, a sentence each; empty where they may be.
    """

    separation: float
    removable: NDArray[np.bool_]
    warnings: tuple[str, ...]


def trust(
    p: Tensor, noted: Tensor, absent: Tensor, *, missing: NDArray[np.float64], wrong: NDArray[np.float64]
) -> Trust:
    """Judge scores by how well they separate what is noted from what is not.

    Errors made at random, a share a of the noted labels and b of the others, bring the share A of pairs in the right
    order to A - 1/2 = (1 - a - b)(A' - 1/2), where A' is that of the true labels. So A' tells weak networks, which see
    few labels, from wrong labels, which no network can see.

    Args:
        p: Probabilities, shape (samples, labels).
        noted: True where the label is noted, of that shape.
        absent: True where it is known and not noted.
        missing: Estimated number of missing labels of each label, before any bound.
        wrong: Estimated number of wrong labels, likewise.

    Source: Menon et al., Learning from corrupted binary labels via class-probability estimation, ICML 2015, section 5.
    """
    num_noted, num_absent = (part.sum(dim=0).numpy().astype(float) for part in (noted, absent))
    pairs = np.array([_in_order(p[:, k], noted[:, k], absent[:, k]) for k in range(p.shape[1])])
    wrong_share, missing_share = (_shares(*parts) for parts in ((wrong, num_noted), (missing, num_absent)))
    whole = np.isfinite(pairs)
    if whole.any():
        weights = num_noted[whole]
        parts = (np.average(part[whole], weights=weights) for part in (pairs, wrong_share, missing_share))
        separation = float(_without_errors(*map(np.asarray, parts)))
    else:
        separation = float("nan")
    warnings = _warnings(num_noted.sum(), num_absent.sum(), missing.sum(), wrong.sum(), separation)
    of_label = _without_errors(pairs, wrong_share, missing_share)
    removable = (
        (np.minimum(num_noted, num_absent) >= FEWEST_OF_LABEL)
        & (wrong_share <= _MOST_WRONG_OF_LABEL)
        & (np.nan_to_num(of_label) >= _LEAST_OF_LABEL)
    )
    return Trust(separation, removable & (not warnings), warnings)


def banner(found: Trust) -> list[str]:
    """The sentences to show above everything else if the scores must not be believed; otherwise none."""
    if not found.warnings:
        return []
    return [
        "These networks are no judge of the labels: nothing is called wrong here, and no errors are counted.",
        *found.warnings,
    ]


def _warnings(noted: float, absent: float, missing: float, wrong: float, separation: float) -> tuple[str, ...]:
    if min(noted, absent) < FEWEST:
        return (f"{noted:,.0f} labels are noted and {absent:,.0f} are not: estimates need at least {FEWEST} of each.",)
    found = []
    if np.isnan(separation):
        found.append("No label is noted for some samples and not for others, so that there is nothing to judge by.")
    elif separation < LEAST_SEPARATION:
        found.append(
            "Of a sample with a label and one without, the networks give the first the higher score in "
            f"{100 * separation:.0f} of 100 cases (what random errors take away is given back); below "
            f"{100 * LEAST_SEPARATION:.0f} they cannot tell a label that is wrong from one that they do not see."
        )
    if wrong > MOST_WRONG * noted:
        found.append(
            f"{_percent(wrong / noted)} of the noted labels look wrong to the networks: that says more about the "
            "networks than about the labels."
        )
    if missing > noted:
        found.append("More than half of what the networks are surest of is not noted: they are too weak to count by.")
    return tuple(found)


def _percent(share: float) -> str:
    return "All" if share >= 0.995 else f"{100 * share:.0f} %"


def _in_order(p: Tensor, noted: Tensor, absent: Tensor) -> float:
    """Share of pairs of a noted and an absent element of which the noted one scores higher, ties half."""
    of_noted, of_absent = p[noted].numpy(), np.sort(p[absent].numpy())
    if not len(of_noted) or not len(of_absent):
        return float("nan")
    below, up_to = (np.searchsorted(of_absent, of_noted, side=side).sum() for side in ("left", "right"))
    return float(below + up_to) / 2 / len(of_noted) / len(of_absent)


def _shares(errors: NDArray[np.float64], among: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.minimum(errors / np.maximum(among, 1), 1)


def _without_errors(
    seen: NDArray[np.float64], wrong: NDArray[np.float64], missing: NDArray[np.float64]
) -> NDArray[np.float64]:
    errors = sum(np.minimum(part, _MOST_GIVEN_BACK) for part in (wrong, missing))
    return np.clip(0.5 + (seen - 0.5) / (1 - errors), 0, 1)
