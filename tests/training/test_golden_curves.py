"""The losses of tiny runs are what they were when tests/golden/loss-curves.csv was written.

Rounding of other processors and other numbers of threads stays below these tolerances (measured: 5e-6 on the table,
8e-6 over the first steps on digits, 2e-3 over all); a focusing power of half a per cent more does not (7e-4 within five
steps).
"""

from itertools import pairwise

import pytest

from tests.training.golden_curves import CURVES, LOSSES, curve_of, read_curves

# what Lightning and TensorBoard themselves warn of
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

EARLY = 5  # steps
CLOSE = 1e-4  # relative
NEAR = 1e-2  # relative; where rounding was multiplied by normalisation and Adam for many steps

ACCEPT = f"; if that is meant, write {CURVES.name} again: python -m tests.training.golden_curves"


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("data", ["table", "digits"])
def test_every_step_has_the_loss_that_it_had(tmp_path, data, loss):
    golden, today = read_curves()[data, loss], curve_of(data, loss, tmp_path / "run")
    assert len(today) == len(golden)
    for step, (was, now) in enumerate(zip(golden, today, strict=True), start=1):
        tolerance = CLOSE if data == "table" or step <= EARLY else NEAR
        assert now == pytest.approx(was, rel=tolerance), f"{data}, {loss}: step {step} had {was}, got {now}{ACCEPT}"


def test_the_curves_tell_the_losses_apart():
    curves = read_curves()
    assert set(curves) == {(data, loss) for data in ("table", "digits") for loss in LOSSES}
    assert len({tuple(curve) for curve in curves.values()}) == len(curves)
    for data in ("table", "digits"):  # by more than the tolerance, at the last step if not before
        last = sorted(curves[data, loss][-1] for loss in LOSSES)
        assert all(two > one * (1 + 1e-3) for one, two in pairwise(last))
