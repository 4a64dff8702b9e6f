"""Which labels of a data set are probably missing and which probably wrong, and about how many of each there are."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lopsided.data import Data
from lopsided.data.contents.identity import content_of_sample
from lopsided.data.writing.corrections import Kind
from lopsided.inference.cross_fit import OutOfSample
from lopsided.inference.evaluations.trust import Trust, trust
from lopsided.runs.json_files import write_whole


@dataclass(frozen=True)
class Suspect:
    """A label that is probably noted wrongly."""

    row: int  # sample number in the data
    label: int  # its number
    kind: Kind  # missing: noted as absent, probably there; wrong: noted as there, probably absent
    probability: float  # that the sample has the label, as far as the networks can tell


@dataclass(frozen=True, eq=False)
class Audit:
    """What is suspected about some samples of a data set.

    Args:
        suspects: The most doubtful first.
        missing: Estimated number of missing labels, at most ``noted``, float64, shape (labels,).
        wrong: Estimated number of wrong labels, likewise.
        noted: Number of noted labels, int64, likewise.
        num_samples: Samples that were looked at.
        trust: What the scores are good for. Only labels that are ``trust.removable`` have suspects of the kind wrong.
    """

    suspects: tuple[Suspect, ...]
    missing: NDArray[np.float64]
    wrong: NDArray[np.float64]
    noted: NDArray[np.int64]
    num_samples: int
    trust: Trust


def audit(scores: OutOfSample, *, most: int) -> Audit:
    """Rank labels by how doubtful they are, and estimate how many are errors.

    Missing labels are ranked by their probability, wrong ones by one minus it. Their numbers come from both ends of the
    scores, where there is least doubt about the truth. Among elements that score above the surest tenth of noted
    labels, nearly all are there: the share of them that is not noted is the share of labels that is missing. Among
    those that score below the lowest tenth of the others, nearly none is there: what is noted among them is wrong. Both
    assume that errors are made at random and count what no network can see as an error. A label's part in them is
    its part in the sum of p over what is not noted, and of 1 - p over what is. Unknown elements are no suspects.

    Args:
        scores: Out-of-sample probabilities.
        most: Number of suspects, >= 1; the two kinds are mixed in proportion to their estimated numbers.
    """
    if most < 1:
        raise ValueError(f"expected most to be at least 1, got {most}")
    p, noted = scores.probabilities.double(), scores.targets & scores.known
    absent = scores.known & ~noted
    shares = _share_missing(p, noted, absent), _share_missing(1 - p, absent, noted)
    doubts = {"missing": p * absent, "wrong": (1 - p) * noted}
    totals = {"missing": shares[0] * int(noted.sum()), "wrong": shares[1] * int(absent.sum())}
    parts = {
        kind: totals[kind] * (doubt.sum(dim=0) / doubt.sum().clamp(min=1e-30)).numpy() for kind, doubt in doubts.items()
    }
    trusted = trust(p, noted, absent, missing=parts["missing"], wrong=parts["wrong"])
    sides: dict[Kind, Tensor] = {"missing": absent, "wrong": noted & torch.from_numpy(trusted.removable)}
    ranked: list[tuple[float, Suspect]] = []
    for kind, among in sides.items():
        for place, (i, k) in enumerate(_most_doubtful(doubts[kind], among, most), start=1):
            suspect = Suspect(int(scores.rows[i]), k, kind, float(p[i, k]))
            ranked.append((place / max(totals[kind], 1.0), suspect))
    ranked.sort(key=lambda pair: pair[0])
    most_of = [part.sum(dim=0).numpy() for part in (noted, absent)]
    return Audit(
        suspects=tuple(suspect for _, suspect in ranked[:most]),
        missing=np.minimum(parts["missing"], np.minimum(*most_of)),
        wrong=np.minimum(parts["wrong"], most_of[0]),
        noted=most_of[0],
        num_samples=len(scores.rows),
        trust=trusted,
    )


def _share_missing(p: Tensor, sure: Tensor, others: Tensor) -> float:
    """Number of others for each sure element, among what scores within the surest tenth of the sure ones."""
    if not sure.any() or not others.any():
        return 0.0
    of_sure = np.sort(p[sure].numpy())
    least = of_sure[int(0.9 * len(of_sure))]
    return float((p[others] >= least).sum()) / float((of_sure >= least).sum())


def _most_doubtful(doubt: Tensor, among: Tensor, most: int) -> list[tuple[int, int]]:
    """Sample and label of the largest doubts, in order."""
    values = torch.where(among, doubt, -1).flatten()
    found = torch.topk(values, min(most, int(among.sum()))).indices
    return list(zip((found // doubt.shape[1]).tolist(), (found % doubt.shape[1]).tolist(), strict=True))


def write_suspects(found: Audit, data: Data, path: Path) -> None:
    """Write one CSV row per suspect, the most doubtful first; its content finds a sample that has moved."""
    rows = [
        (
            s.row,
            data.sample_name(s.row),
            str(data.splits[s.row]),
            data.labels.names[s.label],
            s.kind,
            f"{s.probability:.6g}",
            content_of_sample(data, s.row),
        )
        for s in found.suspects
    ]
    _write(path, ("row", "sample", "split", "label", "kind", "probability", "content"), rows)


def write_counts(found: Audit, data: Data, path: Path) -> None:
    """Write one CSV row per label: how often it is noted, and its estimated errors, empty where not to be believed."""
    _write(path, ("label", "noted", "missing", "wrong"), counts(found, data, unknown=""))


def counts(found: Audit, data: Data, *, unknown: str = "–") -> list[tuple[str, int, str, str]]:
    """Each label's name, how often it is noted, and how many are missing and wrong; ``unknown`` where not credible."""
    columns = (found.noted.tolist(), found.missing.tolist(), found.wrong.tolist(), found.trust.removable.tolist())
    warned = bool(found.trust.warnings)
    return [
        (name, noted, unknown if warned else f"{missing:.1f}", f"{wrong:.1f}" if removable else unknown)
        for name, noted, missing, wrong, removable in zip(data.labels.names, *columns, strict=True)
    ]


def _write(path: Path, names: tuple[str, ...], rows: list[tuple]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([names, *rows])
    write_whole(path, text.getvalue())
