"""Scores of a file that are too many to hold come to what those that are held come to."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lopsided.data import DataError
from lopsided.inference.by_label import blocks, spool
from lopsided.inference.own_scores import pieces
from lopsided.inference.own_scores.decisions import (
    audit_scores,
    calibrate_scores,
    choose_for_scores,
    evaluate_scores,
)
from lopsided.inference.own_scores.reading import read_scores
from tests.inference.by_label.test_measured import numbers

NAMES = [f"label {k}" for k in range(5)]
FORMS = ("stored.npz", "packed.npz", "columns.parquet", "lists.parquet")


@pytest.fixture
def many(monkeypatch):
    """Few scores are too many to hold; two labels are a block, and some ten samples a piece."""

    def begin(most=1):
        monkeypatch.setattr(blocks, "MOST_SCORES", most)
        monkeypatch.setattr(blocks, "AT_A_TIME", 2 * 400)
        monkeypatch.setattr(pieces, "AT_A_TIME", 10 * 5)
        monkeypatch.setattr(spool, "AT_ONCE", 25 * 5)

    return begin


def content(*, kind="logits", dtype=np.float64):
    """Scores, truth, unknown and splits, these mixed; one row has no scores."""
    draw = np.random.default_rng(0)
    scores = draw.normal(size=(400, 5)).astype(dtype)
    truth = scores + draw.normal(size=scores.shape) > 1
    scores[17] = np.nan
    if kind == "probabilities":
        scores = (1 / (1 + np.exp(-scores))).astype(dtype)
    unknown = draw.random(truth.shape) < 0.1
    return scores, truth & ~unknown, unknown, np.array(["val", "test"])[draw.integers(0, 2, 400)]


def write(path, scores, truth, unknown, splits):
    if path.suffix == ".npz":
        save = np.savez if path.name.startswith("stored") else np.savez_compressed
        save(path, scores=scores, label_names=NAMES, labels=truth, mask=~unknown, split=splits, fold=splits)
        return path
    columns = {"split": splits, "fold": splits}
    if path.name.startswith("lists"):
        columns["scores"] = pa.array(list(scores))
    else:
        empty = np.isnan(scores)
        columns |= {f"score:{name}": pa.array(scores[:, k], mask=empty[:, k]) for k, name in enumerate(NAMES)}
    flags = {f"label:{name}": pa.array(truth[:, k].astype(np.int8), mask=unknown[:, k]) for k, name in enumerate(NAMES)}
    pq.write_table(pa.table(columns | flags), path, row_group_size=150)
    return path


def decided(path, kind):
    scores = read_scores(path, kind=kind)
    fit = calibrate_scores(scores, method="platt")
    chosen = choose_for_scores(scores, per_label=True, calibration=fit)
    plain = choose_for_scores(scores, rule="recall", at_least=0.8)
    measured = [
        evaluate_scores(scores, calibration=fit, thresholds=chosen),
        evaluate_scores(scores, thresholds=plain, split="val"),
        evaluate_scores(scores, threshold=0.3),
    ]
    return [fit, chosen, plain, *measured]


@pytest.mark.parametrize("kind", ["logits", "probabilities"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("form", FORMS)
def test_every_decision_is_that_on_scores_that_are_held(tmp_path, many, form, dtype, kind):
    path = write(tmp_path / form, *content(kind=kind, dtype=dtype))
    wanted = decided(path, kind)
    del wanted[3]["f1"]  # needs draws of samples
    many()
    came = decided(path, kind)
    for made in came[:3]:
        assert made.pop("common_on_every") == 1
    for one, other in zip(came[0].pop("scale"), wanted[0].pop("scale"), strict=True):
        assert one == pytest.approx(other, rel=1e-4)
    for one, other in zip(came[0].pop("shift"), wanted[0].pop("shift"), strict=True):
        assert one == pytest.approx(other, rel=1e-4, abs=1e-4)
    digests = [part.pop("calibration") for part in (came[1], wanted[1])]
    assert all(digests)
    assert came == numbers(wanted)


def test_all_forms_of_a_file_come_to_the_same_to_the_last_bit(tmp_path, many):
    many()
    found = []
    for form in FORMS:
        made = decided(write(tmp_path / form, *content()), "logits")
        del made[1]["calibration"]  # the digest of one that says which file it was fitted to
        found.append(json.dumps(made).replace(form, "FILE"))
    assert len(set(found)) == 1


@pytest.mark.parametrize("form", FORMS)
def test_scores_are_those_of_the_file_bit_for_bit_also_where_rows_are_left_out(tmp_path, many, capsys, form):
    values, *rest = content()
    path = write(tmp_path / form, values, *rest)
    wanted = read_scores(path, kind="logits")
    many()
    came = read_scores(path, kind="logits")
    assert not isinstance(came.values, type(wanted.values))
    assert came.tensor.equal(wanted.values)
    assert came.of_split("test").tensor.equal(wanted.of_split("test").values)
    said = capsys.readouterr().err
    assert said.count("left out 1 row without any score, the first in row 17 (from 0)") == 2
    assert (
        f"400 samples x 5 labels are too many to hold: their scores go into a temporary file of 0.0 GB in {tmp_path}"
        in said
    )
    assert [file.name for file in tmp_path.iterdir()] == [form]


def test_a_split_that_is_small_enough_is_held(tmp_path, many):
    scores, truth, unknown, splits = content()
    splits[:] = "train"
    splits[-40:] = "test"
    path = write(tmp_path / "stored.npz", scores, truth, unknown, splits)
    wanted = evaluate_scores(read_scores(path, kind="logits"))
    many(most=40 * 5)
    assert evaluate_scores(read_scores(path, kind="logits")) == wanted


def test_scores_join_a_source_in_any_order(tmp_path, many):
    scores, truth, unknown, splits = content()
    order = np.random.default_rng(1).permutation(400)
    np.savez(tmp_path / "data.npz", features=truth * 1.0, labels=truth, mask=~unknown, label_names=NAMES, split=splits)
    np.savez(tmp_path / "scores.npz", scores=scores[order], label_names=NAMES, ids=order)
    source = f"table:{tmp_path / 'data.npz'}"
    wanted = evaluate_scores(read_scores(tmp_path / "scores.npz", kind="logits", source=source))
    many()
    came = read_scores(tmp_path / "scores.npz", kind="logits", source=source)
    assert evaluate_scores(came) == numbers(wanted)


@pytest.mark.parametrize("form", FORMS)
def test_a_score_that_is_none_is_refused_with_its_row(tmp_path, many, form):
    scores, *rest = content(kind="probabilities")
    scores[333, 2] = 1.5
    path = write(tmp_path / form, scores, *rest)
    many()
    with pytest.raises(DataError, match=r"a probability in \[0, 1\] for 'label 2' in row 333 \(from 0\), got 1.5"):
        read_scores(path, kind="probabilities")
    scores[333, 2] = np.nan
    write(path, scores, *rest)
    with pytest.raises(DataError, match=r"a finite number for 'label 2' in row 333 \(from 0\), got nothing"):
        read_scores(path, kind="logits")


def test_lists_of_other_lengths_are_refused_with_their_row(tmp_path, many):
    scores, *rest = content()
    path = write(tmp_path / "lists.parquet", scores, *rest)
    table, rows = pq.read_table(path), list(scores)
    many()
    for row, start in ((205, 205), (200, 200)):
        rows[start:] = [row[:4] for row in scores[start:]]
        wrong = table.set_column(table.column_names.index("scores"), "scores", pa.array(rows))
        pq.write_table(wrong, path)
        with pytest.raises(DataError, match=rf"row {row} \(from 0\): expected 5 scores as in the rows before, got 4"):
            read_scores(path, kind="logits")


def test_files_that_are_damaged_or_say_other_things_are_refused_as_small_ones_are(tmp_path, many):
    many()
    scores, *rest = content()
    path = write(tmp_path / "stored.npz", scores, *rest)
    whole = path.read_bytes()
    at = whole.index(scores[100].tobytes())
    path.write_bytes(whole[:at] + b"other" + whole[at + 5 :])
    with pytest.raises(DataError, match="expected arrays in NPZ, got .*CRC"):
        read_scores(path, kind="logits")
    np.savez(path, scores=scores, label_names=NAMES[:4])
    with pytest.raises(DataError, match=r"scores to be numbers of shape \(samples, 4\), by label_names"):
        read_scores(path, kind="logits")
    path = write(tmp_path / "columns.parquet", scores, *rest)
    whole = path.read_bytes()
    path.write_bytes(whole[:200] + bytes(4000) + whole[4200:])
    with pytest.raises(DataError, match="expected Parquet, got"):
        read_scores(path, kind="logits")
    table = pa.table({"scores": pa.array(list(scores)), "score:a": scores[:, 0], "label:a": np.ones(400, np.int8)})
    pq.write_table(table, path)
    with pytest.raises(DataError, match="in one of lists 'scores', got score: and scores"):
        read_scores(path, kind="logits")


def test_an_audit_holds_all_scores_or_says_early_that_it_cannot(tmp_path, many, monkeypatch):
    path = write(tmp_path / "stored.npz", *content(kind="probabilities"))
    wanted, _ = audit_scores(read_scores(path, kind="probabilities"))
    many()
    came, part = audit_scores(read_scores(path, kind="probabilities"))
    assert came.suspects == wanted.suspects
    assert part.data.sample_name(3)
    monkeypatch.setattr("lopsided.files.memory.machine_memory", lambda: 1e5)
    with pytest.raises(
        DataError, match=r"expected an audit, which holds all 399 samples x 5 labels at once, of at most"
    ):
        audit_scores(read_scores(path, kind="probabilities"))
