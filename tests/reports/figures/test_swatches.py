import itertools

from lopsided.reports.figures.style import DARK, LIGHT, LOOKS
from lopsided.reports.figures.swatches import swatches


def test_a_swatch_has_the_colours_of_its_line():
    for look, swatch in zip(LOOKS, swatches(LOOKS), strict=True):
        assert (swatch.light, swatch.dark) == (LIGHT.losses[look], DARK.losses[look])
        assert swatch.marker == ""


def test_swatches_of_one_loss_differ():
    assert all(one != other for one, other in itertools.combinations(swatches(["focal"] * 8), 2))
