import pytest

from lopsided.data import DataError, DataOptions, read_source
from lopsided.data.splits.folds import with_fold


def test_one_fold_is_tested_and_all_others_are_trained_on(make_table):
    table = make_table(["fold0", "fold1", "fold2", "fold10", "fold1"])
    assert with_fold(table, 1).splits.tolist() == ["train", "test", "train", "train", "test"]
    assert with_fold(table, 10).splits.tolist() == ["train", "train", "train", "test", "train"]


def test_folds_may_be_called_by_their_numbers_alone(make_table):
    assert with_fold(make_table(["0", "1", "2"]), 0).splits.tolist() == ["test", "train", "train"]


@pytest.mark.parametrize(
    ("splits", "fold", "message"),
    [
        (["fold0", "fold1"], 2, "expected data.fold to be one of at least two folds of pets, got 2 of fold0, fold1"),
        (["fold0", "fold0"], 0, "one of at least two folds of pets, got 0 of fold0"),
        (["fold0", "0"], 0, "got 0 and fold0, two names of one fold"),
        (["train", "test"], 0, "as lopsided split --folds 5 writes them, got a split 'train' in pets"),
        (["fold0", "fold1", "extra"], 0, "got a split 'extra'"),
    ],
)
def test_a_fold_that_is_not_there_is_refused(make_table, splits, fold, message):
    with pytest.raises(DataError, match=message):
        with_fold(make_table(splits), fold)


def test_validation_samples_come_from_the_folds_that_are_trained_on(tmp_path):
    rows = [f"{row},fold{row % 4},{'cat' if row % 3 else 'dog'}" for row in range(80)]
    path = tmp_path / "pets.csv"
    path.write_text("\n".join(["size,split,labels", *rows]) + "\n")
    data = read_source(f"table:{path}", DataOptions(fold=3, validation_share=0.25))
    assert data.rows("test").tolist() == list(range(3, 80, 4))
    assert (len(data.rows("train")), len(data.rows("val"))) == (45, 15)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fold": -1}, "expected data.fold to be at least 0, got -1"),
        ({"fold": 0, "test_share": 0.1}, "expected data.fold or data.test_share, got both"),
        ({"test_share": 1.0}, "expected data.test_share to be at least 0 and below 1, got 1.0"),
    ],
)
def test_options_that_say_no_test_split_are_refused(options, message):
    with pytest.raises(DataError, match=message):
        DataOptions(**options)
