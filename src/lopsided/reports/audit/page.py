"""A page of suspects to accept or reject one by one, with the keyboard alone and without a network."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

import lopsided
from lopsided.data import Data, UnreadableImage
from lopsided.data.contents.identity import content_of_sample
from lopsided.inference.audit import Audit, Suspect, counts
from lopsided.inference.evaluations.trust import banner
from lopsided.reports.examples import picture
from lopsided.reports.figures.pictures import data_uri
from lopsided.reports.figures.style import DARK, LIGHT
from lopsided.runs.json_files import write_whole

FILE = "decisions.csv"
"""What the page saves."""

_SIDE = 256  # pixels of a picture, at most
_NAMED = 24  # features of a row that are shown
ESTIMATE = (
    "Estimated from both ends of the scores: among what scores above the surest tenth of the noted labels, how much is "
    "not noted; among what scores below the lowest tenth of the others, how much is. It takes errors for made at "
    "random and counts what no network can see as an error: trust the order of the labels more than the numbers."
)
_UNTOLD = (
    " Nothing noted is called wrong of labels that are noted too seldom, or that the networks separate too badly: {}."
)


@dataclass(frozen=True)
class Card:
    """One suspect as it is shown."""

    row: int
    sample: str
    label: str
    kind: str
    chance: str
    noted: str  # other labels that the sample is noted to have
    text: list[tuple[str, bool]]  # how a text begins, in pieces, and which of these are its rarest words
    details: str  # the largest features, of a row that is neither picture nor text
    picture: str | None  # as an address that holds it
    content: str  # which sample it is, wherever it stands in the data


def write_audit_page(found: Audit, data: Data, out: Path, *, title: str, command: str, most: int = 500) -> None:
    """Write a page with the most doubtful labels.

    Args:
        found: What is suspected.
        data: What it is about.
        out: The file; whole or absent.
        title: Its heading.
        command: What to type to carry the saved decisions out.
        most: Suspects shown, because each brings its picture into the file.
    """
    shown = found.suspects[:most]
    cards = _cards(shown, data)
    script = files("lopsided.reports.audit").joinpath("audit.js").read_text(encoding="utf-8")
    about = "\n".join(f"{card.row} {card.sample} {card.label} {card.kind} {card.content}" for card in cards)
    templates = Environment(
        loader=PackageLoader("lopsided.reports", ""), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    page = templates.get_template("audit/audit.html.j2").render(
        title=title,
        version=lopsided.__version__,
        light=LIGHT,
        dark=DARK,
        summary=_summary(found, len(shown)),
        key=hashlib.sha256(about.encode()).hexdigest()[:16],
        file=FILE,
        script=Markup(script),
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        cards=cards,
        pictures=any(card.picture for card in cards),
        texts=any(card.text for card in cards),
        labels=sorted({card.label for card in cards}),
        warnings=banner(found.trust),
        kinds={card.kind for card in cards},
        estimate=_estimate(found),
        counts=[] if found.trust.warnings else _counts(found, data),
        command=command,
    )
    write_whole(out, page)


def _summary(found: Audit, num_shown: int) -> str:
    text = f"Of {found.num_samples:,} samples, {found.noted.sum():,} labels are noted."
    if found.trust.warnings:
        return f"{text} Here are the {num_shown:,} that look most like missing ones."
    missing, wrong = found.missing.sum(), found.wrong.sum()
    return (
        f"{text} About {missing:,.0f} more are probably missing, and about {wrong:,.0f} of the noted ones are probably "
        f"wrong. Here are the {num_shown:,} most doubtful."
    )


def _estimate(found: Audit) -> str:
    untold = int((~found.trust.removable).sum())
    return ESTIMATE + (_UNTOLD.format(f"{untold:,} of {len(found.noted):,}") if untold else "")


def _counts(found: Audit, data: Data) -> list[tuple[str, int, str, str]]:
    order, rows = np.argsort(-(found.missing + found.wrong), kind="stable"), counts(found, data)
    return [rows[k] for k in order.tolist()]


def _cards(suspects: Sequence[Suspect], data: Data) -> list[Card]:
    pictures: dict[int, str | None] = {}
    cards = []
    for suspect in suspects:
        row, names = suspect.row, data.labels.names
        if row not in pictures:
            pictures[row] = _picture(data, row)
        noted = [names[k] for k in data.labels.positives[[row]].indices.tolist() if k != suspect.label]
        text = data.marked(row)
        card = Card(
            row=row,
            sample=data.sample_name(row),
            label=names[suspect.label],
            kind=suspect.kind,
            chance=_percent(suspect.probability),
            noted=", ".join(noted),
            text=text,
            details=data.details(row) if pictures[row] is None and not text else "",
            picture=pictures[row],
            content=content_of_sample(data, row),
        )
        cards.append(card)
    return cards


def _percent(share: float) -> str:
    """A chance in words that promise no more than there is.

    >>> _percent(0.9996), _percent(0.42), _percent(0.0001)
    ('over 99 %', '42 %', 'under 1 %')
    """
    if share > 0.99:
        return "over 99 %"
    return "under 1 %" if share < 0.01 else f"{100 * share:.0f} %"


def _picture(data: Data, row: int) -> str | None:
    """The picture of a sample as an address that holds it: a drawing whole and enlarged, a photograph as JPEG."""
    try:
        image = data.image(row, size=_SIDE)
    except UnreadableImage:
        return None
    if image is None:
        return None
    if 2 * max(image.size) <= _SIDE:
        return data_uri(picture(image), "image/png")
    image.thumbnail((_SIDE, _SIDE))
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=85)
    return data_uri(buffer.getvalue(), "image/jpeg")
