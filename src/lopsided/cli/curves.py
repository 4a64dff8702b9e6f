"""lopsided curves."""

from __future__ import annotations

from pathlib import Path

from lopsided.cli.parser import Parser
from lopsided.losses import AsymmetricLoss
from lopsided.training import LossOptions


def curves(arguments: list[str]) -> int:
    """Write figures 1 and 2 of the paper for the settings asked for."""
    parser = Parser(
        "curves",
        "Losses and gradients against probability, as PNG and SVG: figures 1 and 2 of the paper.",
        examples=("lopsided curves", "lopsided curves --gamma_neg 4 --margin 0.05 --out pictures"),
    )
    parser.add_argument("--gamma_pos", type=float, default=0.0, help="focusing power of positives, >= 0")
    parser.add_argument("--gamma_neg", type=float, default=2.0, help="focusing power of negatives, >= 0")
    parser.add_argument("--margin", type=float, default=0.2, help="probability below which a negative costs nothing")
    parser.add_argument("--out", type=str, default="curves", help="folder for the pictures")
    given = parser.parse_args(arguments)

    parser.checked(lambda: AsymmetricLoss(given.gamma_pos, given.gamma_neg, given.margin))
    from lopsided.reports import save_curves

    settings = LossOptions(gamma_pos=given.gamma_pos, gamma_neg=given.gamma_neg, margin=given.margin)
    for path in save_curves(Path(given.out), [settings]):
        print(f"wrote {path}")
    return 0
