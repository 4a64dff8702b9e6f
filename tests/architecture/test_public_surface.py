"""Nothing that others rely on changes unnoticed."""

import difflib

import pytest

from tests.architecture.public_surface import FILE, surface

pytestmark = [  # what Lightning and TensorBoard themselves warn of
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


def test_the_public_surface_is_the_one_that_is_written_down():
    for name in ("pytorch_lightning", "matplotlib", "optuna"):
        pytest.importorskip(name, reason="the surface of all extras needs all extras")
    written = FILE.read_text(encoding="utf-8").splitlines()
    changes = [line for line in difflib.ndiff(written, surface()) if line[0] in "+-"]
    assert not changes, (
        "the public surface has changed:\n" + "\n".join(changes) + "\nwhere others would have to change their code, "
        "keep the old form or say it in CHANGELOG.md; then accept it: python -m tests.architecture.public_surface"
    )


def test_the_list_holds_what_its_reader_looks_for():
    lines = FILE.read_text(encoding="utf-8").splitlines()
    assert lines == sorted(set(lines))
    for start in (
        "lopsided train --loss.gamma_neg = None",
        "lopsided predict --threshold = None",
        "lopsided.AsymmetricLoss(*, gamma_pos: Focus = 0.0, gamma_neg: Focus = 2.0, margin: Focus = 0.2",
        "lopsided.training.LossOptions.name of cross_entropy, focal, asymmetric, adaptive",
        "lopsided.training.fit.fit(config: Config, out: Path, *, resume: bool = False",
        "lopsided.training.RunFolder.load(self) -> Trained",
        "lopsided.reports.gradient_peak(",
        "lopsided.asymmetry.Gap(p_pos: Tensor, p_neg: Tensor, gap: Tensor)",
    ):
        assert any(line.startswith(start) for line in lines), start
    assert not any(" at 0x" in line for line in lines)
