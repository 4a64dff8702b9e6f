"""Draws the figures of docs/experiments from the rows in docs/experiments/data.

    python tools/draw_experiments.py    # writes docs/experiments/images

Each SVG carries in its title the digest of the rows that it was drawn from; a test compares it, so that a row cannot
change without its figure. Hollow marks stand where the best learning rate was the outermost one that was tried.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from experiment_rows import EXPERIMENTS, Row, difference, digest, rows, value
from marks import LOSSES, Panel, Point, dots, lines
from matplotlib.figure import Figure

from lopsided.reports.figures.style import render

_TABLES = ("corel5k", "bibtex")
_DATA = (*_TABLES, "drawings")
_DETACHED = "γ− = 4, m = 0.05, focus detached"


def _rates(name: str, places: Sequence[str], title: str, **wanted: str) -> Panel:
    """A value for each loss and learning rate."""
    losses = [loss for loss in (*LOSSES, _DETACHED) if _of_loss(rows(name, **wanted), loss)]
    found = {loss: _of_loss(rows(name, **wanted), loss) for loss in losses}
    series = {
        loss: [value([row for row in of if row["learning_rate"] == place]) for place in places]
        for loss, of in found.items()
    }
    chosen = [(loss, row["learning_rate"]) for loss, of in found.items() for row in of if row["chosen"]]
    return Panel(title, places, series, chosen)


def _of_loss(found: Sequence[Row], loss: str) -> list[Row]:
    wanted = ("asymmetric", loss) if loss == _DETACHED else (loss, "")
    return [row for row in found if (row["loss"], row.get("setting", "")) == wanted]


def whole_network_rates() -> Figure:
    """Test mAP against learning rate, all weights trained."""
    panel = _rates("whole_network", ("0.00025", "0.001", "0.004", "0.016"), "", epochs="8", split="test")
    return lines([panel], x_label="learning rate", y_label="mAP on test (%)", log=True)


def whole_network_epochs() -> Figure:
    """Validation mAP after each epoch: at the rate that was chosen, and at one rate for both."""
    places = ("1", "2", "3", "4", "6", "8")
    eight, four = (rows("whole_network", split=f"validation, after that many of {of}") for of in ("8", "4"))
    eight = [row for row in eight if (row["loss"], row["learning_rate"]) != ("asymmetric", "0.004")]
    chosen = {loss: _of_loss(eight, loss) for loss in ("cross-entropy", "focal", "asymmetric", _DETACHED)}
    both = {
        loss: [
            [value([row for row in four if (row["loss"], row["setting"], row["epochs"]) == (loss, seed, place)])
             for seed in ("seed 0", "seed 1")]
            for place in places[:4]
        ]
        for loss in ("cross-entropy", "asymmetric")
    }  # fmt: skip
    panels = [
        Panel("64 px, 8 epochs, each at its own rate", places, {
            loss: [value([row for row in of if row["epochs"] == place]) for place in places]
            for loss, of in chosen.items()
        }),
        Panel("96 px, 4 epochs, all at 0.001, mean of two seeds", places[:4], {
            loss: [_mean([point for point in pair if point]) for pair in pairs] for loss, pairs in both.items()
        }),
    ]  # fmt: skip
    return lines(panels, x_label="epochs", y_label="mAP on validation (%)")


def _mean(points: Sequence[Point]) -> Point:
    at = sum(point.at for point in points) / len(points)
    return Point(at, at, at)


def best_rates() -> Figure:
    """The learning rate that validation chose, by data, network and loss."""
    found = rows("best_rates")
    cases = list(dict.fromkeys((row["data"], row["network"], row["epochs"]) for row in found))
    series = {
        loss: [value(rows("best_rates", data=a, network=b, epochs=c, loss=loss)) for a, b, c in cases]
        for loss in LOSSES[:3]
    }
    names = [f"{data}, {_short(network)}, {epochs}" for data, network, epochs in cases]
    return dots([Panel("", names, series)], label="learning rate chosen on validation", limits=(0.0007, 1), log=True)


def _short(network: str) -> str:
    return "frozen" if "frozen" in network else "whole" if "all weights" in network else network


def two_layer_rates() -> Figure:
    """Test mAP against learning rate on the two tables."""
    places = ("0.0005", "0.002", "0.008", "0.03")
    panels = [_rates("two_layer_rates", places, data, data=data, metric="mAP") for data in _TABLES]
    return lines(panels, x_label="learning rate", y_label="mAP on test (%)", log=True)


def drawings_head() -> Figure:
    """Validation mAP against learning rate, a head on frozen features."""
    panel = _rates("drawings_head", ("0.001", "0.003", "0.01", "0.03"), "", split="validation")
    return lines([panel], x_label="learning rate", y_label="mAP on validation (%)", log=True)


def weight_decay() -> Figure:
    """Test mAP against weight decay, the learning rate chosen for each."""
    panels = []
    for data, places in zip(_TABLES, (("0", "0.01", "0.1", "1"), ("0", "0.01", "0.1", "0.3", "1")), strict=True):
        series = {
            loss: [value(rows("weight_decay", data=data, loss=loss, setting="", weight_decay=k)) for k in places]
            for loss in ("cross-entropy", "asymmetric")
        }
        mild = rows("weight_decay", data=data, setting="γ− = 1, no margin")
        series["γ− = 1, no margin"] = [value(mild) if k == "1" else None for k in places]
        panels.append(Panel(data, places, series))
    return lines(panels, x_label="weight decay", y_label="mAP on test (%)")


def _losses(data: str, hidden: Sequence[str], names: Sequence[str]) -> Panel:
    """Difference to cross-entropy of each loss at its defaults."""
    epochs = "20" if data == "bibtex" else "15"

    def found(name: str, share: str) -> Point | None:
        loss, setting = ("asymmetric", name) if name.startswith("γ−") else (name, "")
        wanted = {"data": data, "hidden": share, "epochs": epochs, "loss": loss, "setting": setting}
        return difference([row for row in rows("losses", **wanted) if row["network"] != "two layers"])

    titles = {"0": "no positives hidden", "30": "30 % of the positives hidden"}
    return Panel(data, names, {titles[share]: [found(name, share) for name in names] for share in hidden})


_OTHERS = ("Hill", "SPLC", "asymmetric polynomial", "ZLPR", "two-way", "distribution-balanced")
_ALL = ("focal", "asymmetric", "γ− = 1, no margin", "adaptive", *_OTHERS)
_POINTS = "points of mAP more than cross-entropy"


def losses_on_tables() -> Figure:
    """Each loss against cross-entropy, on the two tables."""
    panels = [_losses(data, ("0",), _ALL) for data in _TABLES]
    return dots(panels, label=_POINTS, base=0, limits=(-6, 7))


def losses_on_drawings() -> Figure:
    """Each loss against cross-entropy, on frozen features of drawings."""
    return dots([_losses("drawings", ("0",), _ALL)], label=_POINTS, base=0, limits=(-9.5, 5))


def hidden_positives() -> Figure:
    """Each loss against cross-entropy with and without hidden positives."""
    names = ("asymmetric", "adaptive", *_OTHERS)
    panels = [_losses(data, ("0", "30"), names) for data in _DATA]
    return dots(panels, label=_POINTS, base=0, limits=(-10, 10))


def length_and_network() -> Figure:
    """Whether the lead lasts: more epochs, another layer."""
    frozen = "linear on frozen EfficientNet-Lite0, one scale"
    cases = [("corel5k", "linear", "15"), ("corel5k", "linear", "60"), ("corel5k", "two layers", "15")]
    cases += [("bibtex", "linear", "20"), ("bibtex", "linear", "60"), ("bibtex", "two layers", "15")]
    cases += [("drawings", frozen, "15"), ("drawings", frozen, "60")]
    series = {
        loss: [
            difference(rows("losses", hidden="0", data=a, network=b, epochs=c, loss=loss, setting=""))
            for a, b, c in cases
        ]
        for loss in ("focal", "asymmetric")
    }
    names = [f"{data}, {_short(network)}, {epochs}" for data, network, epochs in cases]
    return dots([Panel("", names, series)], label=_POINTS, base=0, limits=(-3, 6))


def gamma_and_margin() -> Figure:
    """Difference to cross-entropy against gamma_neg alone, and against the margin alone."""
    panels = []
    for title, pattern, places in (
        ("γ−, no margin", "γ− = {}, no margin", ("1", "2", "3", "4", "6", "8")),
        ("margin, no focusing", "no focusing, m = {}", ("0.05", "0.1", "0.2", "0.3", "0.4")),
    ):
        series = {
            data: [difference(rows("gamma_and_margin", data=data, setting=pattern.format(k))) for k in places]
            for data in _DATA
        }
        panels.append(Panel(title, places, series))
    return lines(panels, x_label="", y_label="points of mAP more")


def combination() -> Figure:
    """Focusing, shifting and both against neither."""
    settings = {"focusing": "γ− = 2, no margin", "shifting": "no focusing, m = 0.2", "both": "γ− = 2, m = 0.2"}
    titles = {"no positives hidden": "0", "30 % of the positives hidden": "30"}
    panels = []
    for data in _DATA:
        series = {
            title: [difference(rows("combination", data=data, hidden=k, setting=s)) for s in settings.values()]
            for title, k in titles.items()
        }
        panels.append(Panel(data, list(settings), series))
    return dots(panels, label="points of mAP more than neither", base=0, limits=(-9.5, 9.5))


def adaptive() -> Figure:
    """Adaptive asymmetry against the best fixed gamma_neg."""
    targets = ("0", "0.05", "0.1")
    panels = []
    for data in (*_DATA, "debtags"):
        found = [rows("adaptive", data=data, metric="mAP", setting=f"target {target}") for target in targets]
        panels.append(Panel(data, [f"target {target}" for target in targets], {"": [difference(row) for row in found]}))
    return dots(panels, label="points of mAP more than the best fixed γ−", base=0, limits=(-2.5, 1.6))


def from_nothing() -> Figure:
    """Test mAP of the demo, whose network begins from random weights."""
    names = ("cross-entropy", "adaptive, printed sign", "asymmetric", "focal", "adaptive")
    found = rows("from_nothing", metric="mAP", setting="")
    panel = Panel("", names, {"": [value([row for row in found if row["loss"] == name]) for name in names]})
    return dots([panel], label="mAP on test (%), three seeds", limits=(88, 95))


def rate_and_decay() -> Figure:
    """Each loss against cross-entropy where both have a learning rate and a weight decay of their own."""
    return _with_rate_and_decay(_DATA)


def losses_on_words() -> Figure:
    """The same on counts of words."""
    return _with_rate_and_decay(("debtags",))


def _with_rate_and_decay(names_of_data: Sequence[str]) -> Figure:
    panels = []
    for data in names_of_data:
        there = [row for row in rows("losses_rate_and_decay", hidden="0", data=data) if row["difference"]]
        there.sort(key=lambda row: -float(row["difference"]))
        names = [f"{row['loss']}, {row['setting']}" if row["setting"] else row["loss"] for row in there]
        panels.append(Panel(data, names, {"": [difference([row]) for row in there]}))
    return dots(panels, label=_POINTS, base=0, limits=(-5, 2.6))


def imbalance() -> Figure:
    """Test mAP against negatives for each positive."""
    found = rows("imbalance", metric="mAP", seeds="2")
    places = list(dict.fromkeys(row["setting"] for row in found))
    series = {
        loss: [value([row for row in found if (row["loss"], row["setting"]) == (loss, place)]) for place in places]
        for loss in LOSSES
    }
    panel = Panel("", [place.partition(",")[0] for place in places], series)
    return lines([panel], x_label="positives to negatives", y_label="mAP on test (%)")


def calibration() -> Figure:
    """Calibration error of each run by how its scores were made probabilities."""
    found = rows("calibration", metric="calibration error")
    runs = list(dict.fromkeys((row["data"], row["loss"], row["setting"]) for row in found))
    names = [f"{data}, {'detached' if setting else loss}" for data, loss, setting in runs]
    series = {
        method: [
            value(rows("calibration", metric="calibration error", method=method, data=a, loss=b, setting=c))
            for a, b, c in runs
        ]
        for method in ("sigmoid", "closed form", "temperature", "Platt", "isotonic")
    }
    return dots([Panel("", names, series)], label="calibration error (%)", limits=(0.05, 40), log=True)


def thresholds() -> Figure:
    """F1 of three ways to decide."""
    runs = list(dict.fromkeys((row["data"], row["loss"]) for row in rows("thresholds")))
    panels = []
    for metric in ("mean F1", "OF1"):
        series = {
            method: [value(rows("thresholds", metric=metric, method=method, data=a, loss=b)) for a, b in runs]
            for method in ("sigmoid > 0.5", "probability > 0.5", "chosen for each label")
        }
        panels.append(Panel(metric, [f"{data}, {loss}" for data, loss in runs], series))
    return dots(panels, label="%", limits=(-1, 100))


def audit() -> Figure:
    """Share of hidden labels among the first suspects."""
    panels = []
    for data in ("digits", "drawings", "bibtex", "corel5k"):
        found = rows("audit", data=data, metric="share of hidden labels")
        ways = [(a, b) for a in ("audit", "cleanlab", "loss", "chance") for b in ("all labels", "what is not noted")]
        ways = [way for way in ways if [row for row in found if (row["method"], row["among"]) == way]]
        names = [f"{a}, {'absent alone' if b != 'all labels' else 'all'}" for a, b in ways]
        series = {
            f"first {first}": [
                value(rows("audit", data=data, method=a, among=b, first=first, metric="share of hidden labels"))
                for a, b in ways
            ]
            for first in ("100", "1000", "as many as are hidden")
        }
        panels.append(Panel(data, names, series))
    return dots(panels, label="hidden labels among them (%)", limits=(-3, 100))


def speed() -> Figure:
    """Time of losses beside torch's binary cross-entropy."""
    found = rows("speed", machine="quiet", unit="times binary_cross_entropy_with_logits")
    rivals = list(dict.fromkeys(row["rival"] for row in found))
    series = {
        shape: [value([row for row in found if (row["rival"], row["shape"]) == (rival, shape)]) for rival in rivals]
        for shape in ("128 × 80", "448 × 9605")
    }
    names = [rival.replace("asymmetric_loss, ", "").replace(" (γ₊ 1, γ₋ 4, margin 0.05)", "*") for rival in rivals]
    names = [
        name.replace(", the same settings", "*").replace("reading two tensors and writing one", "limit")
        for name in names
    ]
    return dots(
        [Panel("", names, series)], label="times torch's binary cross-entropy", base=1, limits=(0.04, 20), log=True
    )


FIGURES: dict[str, tuple[Callable[[], Figure], tuple[str, ...]]] = {
    "whole-network-rates": (whole_network_rates, ("whole_network",)),
    "whole-network-epochs": (whole_network_epochs, ("whole_network",)),
    "best-rates": (best_rates, ("best_rates",)),
    "two-layer-rates": (two_layer_rates, ("two_layer_rates",)),
    "drawings-head": (drawings_head, ("drawings_head",)),
    "weight-decay": (weight_decay, ("weight_decay",)),
    "losses-on-tables": (losses_on_tables, ("losses",)),
    "losses-on-drawings": (losses_on_drawings, ("losses",)),
    "hidden-positives": (hidden_positives, ("losses",)),
    "length-and-network": (length_and_network, ("losses",)),
    "gamma-and-margin": (gamma_and_margin, ("gamma_and_margin",)),
    "combination": (combination, ("combination",)),
    "adaptive": (adaptive, ("adaptive",)),
    "from-nothing": (from_nothing, ("from_nothing",)),
    "losses-on-words": (losses_on_words, ("losses_rate_and_decay",)),
    "rate-and-decay": (rate_and_decay, ("losses_rate_and_decay",)),
    "imbalance": (imbalance, ("imbalance",)),
    "calibration": (calibration, ("calibration",)),
    "thresholds": (thresholds, ("thresholds",)),
    "audit": (audit, ("audit",)),
    "speed": (speed, ("speed",)),
}
"""Each figure, and the files of rows that it is drawn from."""


def draw(out_dir: Path) -> list[Path]:
    """Write every figure."""
    out_dir.mkdir(parents=True, exist_ok=True)
    written = []
    for name, (make, names) in FIGURES.items():
        written.append(out_dir / f"{name}.svg")
        written[-1].write_bytes(render(make(), title=f"{name}, rows {digest(names)}"))
    return written


def main() -> None:
    """Draw them all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=EXPERIMENTS / "images")
    for path in draw(parser.parse_args().out):
        print(f"{path} {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
