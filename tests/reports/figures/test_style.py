import itertools
import warnings
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.colors import to_rgb

from lopsided.reports.figures.style import (
    DARK,
    LIGHT,
    LOOKS,
    drawing,
    dress,
    legend_below,
    legend_height,
    line_styles,
    render,
    render_both,
)
from lopsided.reports.naming import TITLES

# Machado, Oliveira, Fernandes 2009: what a dichromat sees, on linear RGB
VISIONS = {
    "usual": np.eye(3),
    "protanopia": np.array([[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]),
    "deuteranopia": np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]),
    "tritanopia": np.array([[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]]),
}


def linear(colour):
    rgb = np.array(to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ rgb.clip(0, 1)
    x, y, z = np.cbrt((xyz / np.array([0.9505, 1.0, 1.089])).clip(0.008856))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(one, other):
    low, high = sorted(float(linear(colour) @ [0.2126, 0.7152, 0.0722]) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def simple_figure(theme=LIGHT, *, label="a line"):
    with drawing(theme, width=4, height=3 + legend_height([label], 4)) as figure:
        axes = figure.subplots()
        dress(axes, theme, x_label="step", y_label="loss (nats)")
        (line,) = axes.plot([0, 1], [0, 1])
        legend_below(figure, [line], [label])
    return figure


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
@pytest.mark.parametrize("vision", VISIONS)
def test_colours_of_losses_stay_apart_for_every_eye(theme, vision):
    seen = [lab(VISIONS[vision] @ linear(colour)) for colour in dict.fromkeys(theme.losses.values())]
    assert len(seen) == 12
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 20


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_lines_and_words_stand_out_from_the_paper(theme):
    assert all(contrast(colour, theme.paper) > 3 for colour in theme.losses.values())
    assert all(contrast(colour, theme.paper) > 4.5 for colour in (theme.ink, theme.quiet))


def test_every_loss_has_a_name_and_a_colour_with_dashes_of_its_own():
    styles = line_styles(LOOKS, LIGHT)
    assert len({(style.colour, style.dashes) for style in styles}) == len(LOOKS) == 16
    assert len({style.dashes for style in styles}) == len({style.colour for style in styles}) == 12
    assert set(TITLES) == set(LOOKS) == set(LIGHT.losses) == set(DARK.losses)


def test_a_loss_looks_the_same_whatever_stands_beside_it():
    alone, beside = line_styles(["focal"], LIGHT), line_styles(["asymmetric", "adaptive", "focal"], LIGHT)
    assert alone[0] == beside[2]


def test_several_runs_of_one_loss_differ_in_shade_and_marker():
    styles = line_styles(["asymmetric"] * 5, LIGHT)
    assert len({style.colour for style in styles}) == len({style.marker for style in styles}) == 5
    assert len({style.dashes for style in styles}) == 1


def test_a_figure_is_valid_svg_and_png_on_both_papers():
    for content in render_both(simple_figure, title="simple"):
        assert ElementTree.fromstring(content).tag == "{http://www.w3.org/2000/svg}svg"
    light, dark = render_both(simple_figure, format="png")
    assert light.startswith(b"\x89PNG")
    assert dark.startswith(b"\x89PNG")
    assert light != dark


def test_a_figure_is_the_same_bytes_each_time():
    assert render(simple_figure()) == render(simple_figure())


def test_the_settings_of_the_session_neither_matter_nor_change():
    usual = render(simple_figure(), format="png")
    with matplotlib.rc_context({"font.size": 30, "lines.linewidth": 9, "axes.facecolor": "red"}):
        before = dict(matplotlib.rcParams)
        assert render(simple_figure(), format="png") == usual
        assert dict(matplotlib.rcParams) == before


def test_no_figure_is_left_in_the_session():
    before = pyplot.get_fignums()
    render_both(simple_figure)
    assert pyplot.get_fignums() == before


def test_names_with_dollars_and_letters_without_a_glyph_are_drawn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for label in ("$x", "$\\broken{$", "한국어", "_hidden"):
            assert render(simple_figure(label=f"run {label}")).startswith(b"<?xml")


def test_a_long_name_is_wrapped_and_given_room():
    long = "asymmetric, " * 12
    figure = simple_figure(label=long)
    assert "\n" in figure.legends[0].get_texts()[0].get_text()
    assert legend_height([long], 4) > 2 * legend_height(["short"], 4)
