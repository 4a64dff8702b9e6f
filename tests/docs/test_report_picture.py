"""The picture of a report at the top of README and docs shows what today's code would show."""

import dataclasses
import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest

from lopsided.cli.demo import LOSSES
from lopsided.reports.runs import read_runs
from tests.reports.conftest import write_run, write_source
from tools.draw_report import words_of

ROOT = Path(__file__).parents[2]
AGAIN = "make the picture again: lopsided demo --out runs/demo && python tools/draw_report.py runs/demo"


@pytest.fixture(scope="module")
def content():
    return json.loads((ROOT / "docs" / "images" / "report.json").read_text(encoding="utf-8"))


def test_the_picture_and_its_numbers_were_made_together(content):
    picture = (ROOT / "docs" / "images" / "report.png").read_bytes()
    assert hashlib.sha256(picture).hexdigest() == content["picture"], AGAIN


def test_todays_code_says_what_the_picture_shows(tmp_path, content):
    source = write_source(tmp_path)
    kept = content["runs"]
    assert list(kept) == list(LOSSES), AGAIN
    folders = [
        write_run(tmp_path / name, loss, source=source, epochs=4, evaluation=kept[name]["evaluation"])
        for name, loss in LOSSES.items()
    ]
    runs = []
    for run, about in zip(read_runs(folders), kept.values(), strict=True):
        training = dataclasses.replace(run.config.training, learning_rate=about["learning_rate"])
        steps = {**run.steps, "gap": np.full_like(run.steps["gap"], about["gap"])}
        if about["gamma_neg_at_zero"] is not None:
            zeros = round(1000 * about["gamma_neg_at_zero"])
            steps["gamma_neg"] = np.repeat([2.0, 0.0], [1000 - zeros, zeros])
        runs.append(dataclasses.replace(run, config=dataclasses.replace(run.config, training=training), steps=steps))
    assert words_of(tuple(runs)) == content["shown"], AGAIN


@pytest.mark.parametrize("page", ["README.md", "README.ko.md"])
def test_what_a_page_says_of_the_picture_is_in_it(page, content):
    text = (ROOT / page).read_text(encoding="utf-8")
    (caption,) = re.findall(r"\*`lopsided demo`.*", text)
    shares = re.findall(r"\d+\.\d", caption)
    shown = {cells[0].strip("*") for cells in content["shown"]["rows"].values()}
    assert shares
    assert set(shares) <= shown
