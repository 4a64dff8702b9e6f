import json
from pathlib import Path

import numpy as np
import pytest

from lopsided.cli.main import main
from lopsided.data import read_source


def test_a_table_with_copies_is_split_and_read_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = tmp_path / "pets.csv", tmp_path / "split.csv"
    rows = [f"{row // 2},{'cat' if row % 4 < 2 else 'dog'}" for row in range(80)]
    source.write_text("\n".join(["size,labels", *rows]) + "\n")
    assert main(["split", f"table:{source}", "--val", "0.1", "--test", "0.2", "--json", "--out", str(out)]) == 0
    reached = json.loads(capsys.readouterr().out)
    assert {name: part["samples"] for name, part in reached["splits"].items()} == {"train": 56, "val": 8, "test": 16}
    splits = read_source(f"table:{out}").splits
    assert (splits[::2] == splits[1::2]).all()
    assert sorted(np.unique(splits).tolist()) == ["test", "train", "val"]


def test_shares_that_leave_nothing_to_train_on_are_refused_before_any_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["split", "table:missing.csv", "--val", "0.5", "--test", "0.5", "--out", str(tmp_path / "a.csv")]) == 2
    assert "together below 1, got 0.5 and 0.5" in capsys.readouterr().err
