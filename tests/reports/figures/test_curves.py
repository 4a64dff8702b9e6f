from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from lopsided.losses import asymmetric_gradient, asymmetric_loss, binary_cross_entropy, focal_loss
from lopsided.reports.figures.curves import PROBABILITIES, gradient_curves, loss_curves, save_curves
from lopsided.reports.figures.style import DARK, LIGHT, render
from lopsided.runs.config import LossOptions

LOGITS = torch.logit(torch.from_numpy(PROBABILITIES))
PUBLIC_SCRIPT = LossOptions(gamma_neg=4, margin=0.05)


def texts_of(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def legend_of(figure):
    return [text.get_text().replace("\n", " ") for text in figure.legends[0].get_texts()]


@pytest.mark.parametrize("narrow", [False, True])
def test_the_lines_are_the_losses_of_a_negative_and_of_a_positive(narrow):
    figure = loss_curves([PUBLIC_SCRIPT], narrow=narrow)
    for target, axes in zip((0.0, 1.0), figure.axes, strict=True):
        targets = torch.full_like(LOGITS, target)
        wanted = [
            binary_cross_entropy(LOGITS, targets, reduction="none"),
            focal_loss(LOGITS, targets, reduction="none"),
            asymmetric_loss(LOGITS, targets, reduction="none"),
            asymmetric_loss(LOGITS, targets, gamma_neg=4, margin=0.05, reduction="none"),
        ]
        for line, values in zip(axes.get_lines(), wanted, strict=True):
            np.testing.assert_array_equal(line.get_xdata(), PROBABILITIES)
            np.testing.assert_allclose(line.get_ydata(), values.numpy(), rtol=1e-12)


def test_the_legend_names_every_loss_and_the_axes_their_units():
    figure = loss_curves([PUBLIC_SCRIPT])
    assert legend_of(figure) == [
        "cross-entropy",
        "focal, γ = 2",
        "asymmetric, γ+ = 0, γ− = 2, m = 0.2",
        "asymmetric, γ+ = 0, γ− = 4, m = 0.05",
    ]
    assert all("(nats)" in axes.get_ylabel() and "probability" in axes.get_xlabel() for axes in figure.axes)


def test_the_lines_are_the_gradients_with_and_without_focusing_and_shifting():
    (axes,) = gradient_curves().axes
    for line, (gamma_neg, margin) in zip(axes.get_lines(), [(0, 0), (0, 0.2), (2, 0), (2, 0.2)], strict=False):
        wanted = asymmetric_gradient(
            LOGITS, torch.zeros_like(LOGITS), gamma_pos=0, gamma_neg=gamma_neg, margin=margin
        ).numpy()
        np.testing.assert_allclose(line.get_ydata(), wanted, rtol=1e-12)


def test_the_peak_is_written_on_the_figure_and_in_the_legend():
    figure = gradient_curves([LossOptions(), PUBLIC_SCRIPT])
    assert "p* = 0.839" in texts_of(figure)
    labels = legend_of(figure)
    assert labels[0] == "neither: cross-entropy"
    assert labels[-2:] == ["asymmetric, γ− = 2, m = 0.2 (p* = 0.839)", "asymmetric, γ− = 4, m = 0.05 (p* = 0.900)"]


def test_the_three_regimes_are_named_and_two_of_them_shaded():
    (axes,) = (figure := gradient_curves()).axes
    assert {"hard", "soft", "mislabelled"} <= {text.split()[0] for text in texts_of(figure)}
    spans = [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in axes.patches]
    assert spans == [(0, 0.2), (pytest.approx(0.839, abs=1e-3), 1)]


def test_without_a_margin_nothing_is_left_uncounted_and_without_focus_nothing_is_mislabelled():
    words = texts_of(gradient_curves([LossOptions(margin=0)]))
    assert not any("hard" in text for text in words)
    assert any("mislabelled" in text for text in words)
    assert texts_of(gradient_curves([LossOptions(name="cross_entropy")])) == []


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_figures_are_drawn_on_their_paper(theme):
    for draw in (loss_curves, gradient_curves):
        assert theme.paper.encode() in render(draw(theme=theme))


def test_both_figures_are_saved_as_png_and_svg_light_and_dark(tmp_path):
    written = save_curves(tmp_path / "new" / "folder")
    assert len(set(written)) == 8
    assert {path.name for path in written} >= {"loss_curves.png", "gradient_curves_dark.svg"}
    for path in written:
        if path.suffix == ".svg":
            ElementTree.fromstring(path.read_bytes())
        else:
            assert path.read_bytes().startswith(b"\x89PNG")
