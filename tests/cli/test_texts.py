"""Verbs on files of texts."""

import csv
import json

import pytest

from lopsided.cli.main import main
from tests.data.texts.test_near_copies import text_of
from tests.models.texts.tiny_encoder import write_tiny_encoder

LONG = "the loud red dog barks and a soft blue cat purrs while the green one sleeps on a chair in the hall"


def write_texts(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return f"text:{path}"


@pytest.fixture
def source(tmp_path):
    rows = [
        {"id": "dog", "text": LONG, "labels": ["dog", "cat"], "split": "train"},
        {"id": "near", "text": LONG + " now", "labels": ["dog"], "split": "test"},
        {"id": "cat", "text": "a cat", "labels": ["cat"], "split": "train"},
        {"id": "none", "text": "", "labels": [], "split": "test"},
    ]
    return write_texts(tmp_path / "pets.jsonl", rows)


def test_inspect_names_near_copies_in_two_splits_and_from_where_on_texts_are_such(source, capsys):
    assert main(["inspect", source]) == 0
    out = capsys.readouterr().out
    assert (
        "1 text shares 80% or more of all runs of five characters with one of an earlier split:\n  near, like dog"
        in out
    )
    assert main(["inspect", source, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["near_duplicates_in_two_splits"] == [["dog", "near"]]


def test_inspect_says_how_many_texts_an_encoder_reads_in_part(source, tmp_path, capsys):
    encoder = str(write_tiny_encoder(tmp_path / "tiny"))
    words = ["inspect", source, "--model.name", encoder, "--model.max_length"]
    assert main([*words, "10"]) == 0
    assert (
        f"{encoder} reads 10 tokens: 2 of 4 texts (50.0%) are longer and are cut off there" in capsys.readouterr().out
    )
    for most, cut in (
        (4, 2),
        (3, 3),
        (23, 2),
        (24, 1),
        (25, 0),
    ):  # "a cat" has four tokens, with both marks, and fits into four
        assert main([*words, str(most), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["cut_off"] == {"model": encoder, "max_length": most, "texts": cut}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--model.max_length", "9"], "expected --model.max_length with --model.name, got 9 alone"),
        (["--model.name", "tfidf"], "expected --model.name to be a text encoder such as all-minilm-l6-v2, got tfidf"),
        (["--model.name", "all-minilm-l6-v3"], "did you mean all-minilm-l6-v2"),
        (["--model.name", "all-minilm-l6-v2", "--model.max_length", "2"], "model.max_length to be at least 3, got 2"),
    ],
)
def test_inspect_refuses_what_cuts_nothing(source, words, message, capsys):
    assert main(["inspect", source, *words]) == 2
    assert message in capsys.readouterr().err


def test_only_texts_are_cut_off(capsys):
    assert main(["inspect", "digits", "--data.train_samples", "9", "--model.name", "all-minilm-l6-v2"]) == 2
    assert "expected --model.name only with a source of texts, got digits" in capsys.readouterr().err


@pytest.mark.parametrize("near", [True, False])
def test_split_keeps_near_copies_together_where_it_is_asked(near, tmp_path):
    rows = [
        {"id": f"{number}.{copy}", "text": f"{text_of(number)} {copy}", "labels": ["dog"]}
        for number in range(20)
        for copy in range(2)
    ]
    out = tmp_path / "split.csv"
    line = ["split", write_texts(tmp_path / "pets.jsonl", rows), "--folds", "5", "--out", str(out)]
    assert main([*line, *(["--near"] * near)]) == 0
    with out.open() as file:
        found = {(row["id"].partition(".")[0], row["split"]) for row in csv.DictReader(file)}
    assert (len(found) == 20) == near
