import json

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import TfidfVectorizer

from lopsided.data import DataError, Labels, Table
from lopsided.data.texts.texts import Texts
from lopsided.data.texts.tfidf import FILE, WEIGHTS, fit_tfidf, load_tfidf

TEXTS = ["The cat sat; the CAT purrs.", "A dog barks", "the dog and the cat", "", "zebra dog"]


def texts_of(texts, *, splits=None):
    labels = Labels(("pet",), csr_array(np.ones((len(texts), 1), dtype=bool)))
    splits = np.array(["train"] * len(texts) if splits is None else splits)
    return Texts("pets", np.array(texts, dtype=np.dtypes.StringDType()), labels, splits)


@pytest.fixture
def pets():
    return texts_of(TEXTS, splits=["train"] * 4 + ["test"])


def test_rows_are_those_of_scikit_learn(pets):
    table = fit_tfidf(pets).apply(pets)
    wanted = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2)).fit(TEXTS[:4])
    assert table.feature_names == tuple(wanted.get_feature_names_out())
    np.testing.assert_allclose(table.features.toarray(), wanted.transform(TEXTS).toarray(), rtol=1e-6)
    assert table.inputs().kind == "sparse"


def test_only_the_training_split_decides_which_words_there_are(pets):
    preparation = fit_tfidf(pets)
    assert not any("zebra" in term for term in preparation.terms)
    assert "dog" in preparation.terms


def test_labels_and_splits_stay(pets):
    table = fit_tfidf(pets).apply(pets)
    assert table.labels is pets.labels
    assert table.splits is pets.splits
    assert len(table) == len(pets)


def test_words_in_few_of_many_training_texts_are_left_out():
    texts = [f"word{i} common" for i in range(998)] + ["rare common"] * 2
    assert fit_tfidf(texts_of(texts)).terms == ("common",)


def test_signs_of_scripts_without_spaces_are_words_of_their_own():
    terms = fit_tfidf(texts_of(["猫が好き cat"])).terms
    assert set(terms) == {"cat", "き", "き cat", "が", "が 好", "好", "好 き", "猫", "猫 が"}


def test_forms_of_the_same_word_are_one():
    preparation = fit_tfidf(texts_of(["Café ﬁne"]))
    assert preparation.features(["CAFE\u0301 fine"]).nnz == 3


@pytest.mark.parametrize("text", ["", "\0", "🦊🦊", "<p></p>", "x" * 1_000_000, "שלום עולם"])
def test_odd_texts_give_finite_rows(pets, text):
    preparation = fit_tfidf(pets)
    rows = preparation.features([text, "dog " + text])
    assert np.isfinite(rows.data).all()
    assert rows.shape == (2, len(preparation.terms))
    assert rows[[1]].nnz


def test_texts_without_words_are_refused():
    with pytest.raises(DataError, match="pets: expected training texts with words of two letters, got 2 without"):
        fit_tfidf(texts_of(["a !", ""]))


def test_other_data_is_refused(pets):
    table = Table("numbers", np.ones((1, 2), np.float32), texts_of(["a"]).labels, np.array(["train"]))
    for act in (fit_tfidf, fit_tfidf(pets).apply):
        with pytest.raises(DataError, match="numbers: expected texts, got a table"):
            act(table)


def loaded(folder):
    return load_tfidf(folder, json.loads((folder / FILE).read_text()))


def test_what_is_loaded_is_what_was_saved(pets, tmp_path):
    preparation = fit_tfidf(pets)
    preparation.save(tmp_path)
    again = loaded(tmp_path)
    assert again.digest == preparation.digest
    assert (again.features(TEXTS) != preparation.features(TEXTS)).nnz == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [FILE, WEIGHTS]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"terms": []}, "expected terms to be a list of texts"),
        ({"terms": [1]}, "expected terms to be a list of texts"),
        ({"terms": ["a", "a"]}, "expected terms to be distinct"),
        ({"terms": ["a"]}, "expected a finite float64 for each of 1 terms, got float64 of shape"),
    ],
)
def test_a_damaged_vocabulary_is_refused(pets, tmp_path, content, message):
    fit_tfidf(pets).save(tmp_path)
    with pytest.raises(DataError, match=message):
        load_tfidf(tmp_path, content)


def test_a_damaged_array_is_refused_and_no_pickle_is_loaded(pets, tmp_path):
    fit_tfidf(pets).save(tmp_path)
    np.savez(tmp_path / WEIGHTS, rarity=np.array([object()]))
    with pytest.raises(DataError, match="expected an array rarity, got"):
        loaded(tmp_path)
