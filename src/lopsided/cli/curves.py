"""lopsided curves."""

from __future__ import annotations

from pathlib import Path

from lopsided.cli.parser import Parser, folder_to_write


def main(arguments: list[str]) -> int:
    """Write figures 1 and 2 of the paper for the settings asked for, or a page to try settings on."""
    parser = Parser(
        "curves",
        "Losses and gradients against probability: figures 1 and 2 of the paper as PNG and SVG, or with --html a page "
        "with sliders that needs no network.",
        examples=(
            "lopsided curves --gamma_neg 4 --margin 0.05 --out pictures",
            "lopsided curves --gamma_neg 4 --margin 0.05 --html explorer.html",
        ),
    )
    parser.add_argument("--gamma_pos", type=float, default=0.0, help="focusing power of positives, >= 0")
    parser.add_argument("--gamma_neg", type=float, default=2.0, help="focusing power of negatives, >= 0")
    parser.add_argument("--margin", type=float, default=0.2, help="probability below which a negative costs nothing")
    parser.add_argument(
        "--out", type=folder_to_write, help="folder for the pictures (default: curves, unless there is --html)"
    )
    parser.add_argument("--html", type=str, help="page to write, which opens with this setting")
    given = parser.parse_args(arguments)

    from lopsided.losses import AsymmetricLoss

    parser.checked(lambda: AsymmetricLoss(gamma_pos=given.gamma_pos, gamma_neg=given.gamma_neg, margin=given.margin))
    from lopsided.reports import save_curves, write_explorer
    from lopsided.runs.loss.options import LossOptions

    settings = LossOptions(gamma_pos=given.gamma_pos, gamma_neg=given.gamma_neg, margin=given.margin)
    if given.out is not None or given.html is None:
        for path in save_curves(Path(given.out or "curves"), [settings]):
            print(f"wrote {path}")
    if given.html is not None:
        numbers = {"gamma_pos": given.gamma_pos, "gamma_neg": given.gamma_neg, "margin": given.margin}
        print(f"open {write_explorer(Path(given.html), **numbers)}")
    return 0
