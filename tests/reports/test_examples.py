import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.sparse import csr_array

from lopsided.data import DataOptions, Labels, Table, digits, read_source
from lopsided.reports.examples import examples, picture, read_source_of
from lopsided.reports.runs import read_runs
from lopsided.runs.config import LossOptions


@pytest.fixture
def run(make_run):
    return read_runs([make_run("a", LossOptions(name="cross_entropy"))])[0]


def probabilities_of(run, table, rows):
    with torch.inference_mode():
        trained = run.folder.load()
        return trained.calibrator(trained.model(torch.from_numpy(table.features[rows]))).numpy()


def test_marks_say_what_was_found_what_was_wrong_and_what_was_missed(run):
    table = read_source(run.config.source)
    shown = examples(run, 4)
    assert shown.trouble is None
    assert [sample.row for sample in shown.samples] == [20, 21, 22, 23]
    truth, _ = table.labels.dense([20, 21, 22, 23])
    p = probabilities_of(run, table, [20, 21, 22, 23])
    wanted = {(True, True): "found", (False, True): "wrong", (True, False): "missed"}
    for sample, its_truth, its_p in zip(shown.samples, truth, p, strict=True):
        kinds = {mark.label: mark.kind for mark in sample.marks}
        for name, is_true, probability in zip(table.labels.names, its_truth, its_p, strict=True):
            assert kinds.get(name) == wanted.get((bool(is_true), bool(probability > 0.5)))


def test_the_signs_differ_without_colour(run):
    signs = {mark.kind: mark.sign for sample in examples(run, 10).samples for mark in sample.marks}
    assert signs == {"found": "✓", "wrong": "✗", "missed": "○"}


def test_the_threshold_is_that_of_the_evaluation(run):
    strict = dataclasses.replace(run, evaluation={"split": "val", "threshold": 1.0})
    shown = examples(strict, 10)
    assert (shown.split, shown.threshold) == ("val", 1.0)
    assert {mark.kind for sample in shown.samples for mark in sample.marks} == {"missed"}
    assert [sample.row for sample in shown.samples] == list(range(10, 20))


def test_a_split_may_be_smaller_than_the_count(run):
    assert len(examples(run, 1000).samples) == 10
    assert examples(run, 0).samples == ()


def test_without_a_test_split_validation_is_shown(run):
    table = read_source(run.config.source)
    shown = examples(run, 2, data=dataclasses.replace(table, splits=np.repeat(["train", "val"], 15)))
    assert shown.split == "val"
    assert [sample.row for sample in shown.samples] == [15, 16]


def test_labels_whose_truth_is_unknown_count_as_neither(run):
    table = read_source(run.config.source)
    nobody_knows = csr_array(np.ones((30, 4), dtype=bool))
    labels = Labels(table.labels.names, csr_array((30, 4), dtype=bool), nobody_knows)
    shown = examples(run, 10, data=dataclasses.replace(table, labels=labels))
    assert {mark.sign for sample in shown.samples for mark in sample.marks} == {"?"}


@pytest.mark.parametrize("broken", ["source", "checkpoint", "labels"])
def test_what_cannot_be_read_is_said_in_one_line(broken, make_run, source):
    path = make_run("a", labels=("other", "names", "came", "here") if broken == "labels" else ("a", "b", "c", "d"))
    if broken == "source":
        Path(source.removeprefix("table:")).unlink()
    if broken == "checkpoint":
        (path / "checkpoints" / "best.ckpt").write_bytes(b"nothing")
    shown = examples(read_runs([path])[0], 3)
    assert shown.samples == ()
    assert shown.trouble
    assert "\n" not in shown.trouble
    assert len(shown.trouble) <= 200


def test_a_sample_with_very_many_labels_is_cut_off(make_run):
    names = tuple(f"label {k}" for k in range(40))
    (run,) = read_runs([make_run("a", labels=names)])
    table = Table(
        "many", np.zeros((2, 5), np.float32), Labels(names, csr_array(np.ones((2, 40), bool))), np.array(["test"] * 2)
    )
    sample = examples(run, 1, data=table).samples[0]
    assert len(sample.marks) == 12
    assert sample.left_out == 28


def test_images_are_shown_enlarged_pixel_by_pixel(make_run):
    table = digits(train_samples=1, validation_samples=1, test_samples=3)
    path = make_run("a", source="digits", labels=table.labels.names, input_shape=(3, 32, 32))
    shown = examples(read_runs([path])[0], 2, data=table)
    image = np.asarray(Image.open(io.BytesIO(shown.samples[0].picture)))
    assert image.shape == (192, 192, 3)
    np.testing.assert_array_equal(image[::6, ::6], table.features[2].transpose(1, 2, 0))


def test_grey_images_are_shown_and_large_ones_reduced():
    assert Image.open(io.BytesIO(picture(Image.new("L", (8, 8))))).size == (192, 192)
    assert Image.open(io.BytesIO(picture(Image.new("RGB", (200, 300))))).size == (128, 192)


def test_scenes_of_the_test_split_do_not_depend_on_what_is_spared(make_run):
    (run,) = read_runs([make_run("a", source="digits")])
    config = dataclasses.replace(run.config, data=DataOptions(train_samples=700, missing=0.3))
    run = dataclasses.replace(run, config=config)
    spared, whole = read_source_of(run, only_test=True), read_source_of(run)
    assert len(spared) < len(whole)
    for row, other in zip(spared.rows("test")[:5], whole.rows("test")[:5], strict=True):
        np.testing.assert_array_equal(spared.features[row], whole.features[other])
        np.testing.assert_array_equal(spared.labels.dense([row])[0], whole.labels.dense([other])[0])
