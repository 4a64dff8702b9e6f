import numpy as np
import pytest
from scipy.sparse import csr_array

from lopsided.data import DataError, Labels, Texts, in_two_splits
from lopsided.data.writing.writer import write_data
from tests.data.readers.text.test_reader import read_text


def texts_of(texts, *, splits=None, ids=None):
    array = np.array(texts, dtype=np.dtypes.StringDType())
    labels = Labels(("cat", "dog"), csr_array(np.tile([[True, False], [False, True]], (len(texts), 1))[: len(texts)]))
    names = None if ids is None else np.array(ids, dtype=np.dtypes.StringDType())
    return Texts("pets", array, labels, np.array(splits or ["train"] * len(texts)), ids=names)


def test_copies_that_differ_in_case_spacing_and_unicode_form_are_found_across_splits():
    data = texts_of(
        ["Déjà  vu\n", "de\u0301ja\u0300 VU", "other", "", ""], splits=["train", "test", "test", "train", "test"]
    )
    assert in_two_splits(data) == 1


def test_details_show_the_beginning_and_the_rarest_words():
    data = texts_of(["the cat purrs", "the cat", "the dog"])
    assert data.details(0).startswith("the cat purrs [rarest words: purrs, cat, the]")
    assert len(texts_of(["long word " * 9999]).details(0)) < 500


def test_samples_are_called_by_their_ids_or_else_by_number():
    assert texts_of(["a", "b"], ids=["x", "y"]).sample_name(1) == "y"
    assert texts_of(["a", "b"]).sample_name(1) == "row 1"
    assert texts_of(["a"]).row_column == ("row", int)


def test_digests_differ_where_a_character_does():
    first, second = texts_of(["a\0", "b"]), texts_of(["a", "b"])
    (one, other), (another, _), (same,) = first.digests(), second.digests(), second.digests([1])
    assert one != another
    assert other == same


def test_what_is_written_is_what_is_read_back(tmp_path):
    data = texts_of(['a, "quoted"\ntext', " \U0001f408 ", "", "x"], ids=["1", "2", "3", "4"])
    write_data(data, tmp_path / "out.csv")
    again = read_text(tmp_path / "out.csv")
    assert again.texts.tolist() == data.texts.tolist()
    assert again.ids.tolist() == data.ids.tolist()


def test_a_text_that_csv_cannot_hold_is_not_written(tmp_path):
    with pytest.raises(DataError, match="got a NUL character in 'row 1'"):
        write_data(texts_of(["a", "b\0"]), tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_texts_are_refused_where_a_network_wants_numbers():
    from lopsided.data import SplitDataset

    with pytest.raises(DataError, match="expected texts that a preparation turned into numbers"):
        SplitDataset(texts_of(["a"]), split="train")[[0]]
