import json

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import TfidfVectorizer

from lopsided.data import DataError, Labels, Table
from lopsided.data.texts.texts import Texts
from lopsided.data.texts.tfidf import FILE, WEIGHTS, TfidfPreparation, fit_tfidf, load_tfidf

TEXTS = ["The cat sat; the CAT purrs.", "A dog barks", "the dog and the cat", "", "zebra dog"]


def texts_of(texts, *, splits=None):
    labels = Labels(("pet",), csr_array(np.ones((len(texts), 1), dtype=bool)))
    splits = np.array(["train"] * len(texts) if splits is None else splits)
    return Texts("pets", np.array(texts, dtype=np.dtypes.StringDType()), labels, splits)


@pytest.fixture
def pets():
    return texts_of(TEXTS, splits=["train"] * 4 + ["test"])


def by_scikit_learn(**settings):
    return TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), **settings).fit(TEXTS[:4])


def test_rows_are_those_of_scikit_learn(pets):
    wanted = by_scikit_learn(use_idf=False)
    terms = tuple(wanted.get_feature_names_out().tolist())
    found = TfidfPreparation(terms, np.ones(len(terms))).apply(pets)
    assert found.feature_names == terms
    np.testing.assert_allclose(found.features.toarray(), wanted.transform(TEXTS).toarray(), rtol=1e-6)
    assert found.inputs().kind == "sparse"
    assert set(terms) == {term for term in fit_tfidf(pets).terms if not term.startswith("~")}


def test_runs_of_earlier_versions_keep_their_weights_by_rarity():
    wanted = by_scikit_learn()
    found = TfidfPreparation(tuple(wanted.get_feature_names_out().tolist()), wanted.idf_).features(TEXTS)
    np.testing.assert_allclose(found.toarray(), wanted.transform(TEXTS).toarray(), rtol=1e-6)


def test_terms_count_alike_and_rows_have_length_1(pets):
    preparation = fit_tfidf(pets)
    assert (preparation.rarity == 1).all()
    lengths = np.sqrt(np.square(preparation.features(TEXTS).toarray()).sum(axis=1))
    np.testing.assert_allclose(lengths, [1, 1, 1, 0, 1], rtol=1e-6)


def test_only_the_training_split_decides_which_words_there_are(pets):
    preparation = fit_tfidf(pets)
    assert not any("zebra" in term for term in preparation.terms)
    assert "dog" in preparation.terms


def test_labels_and_splits_stay(pets):
    table = fit_tfidf(pets).apply(pets)
    assert table.labels is pets.labels
    assert table.splits is pets.splits
    assert len(table) == len(pets)


def test_terms_in_few_of_many_training_texts_are_left_out():
    rare = ["rare thing"] * 3 + ["pair there"] * 2
    texts = [f"word{i} common" for i in range(995)] + [f"{text} common" for text in rare]
    terms = fit_tfidf(texts_of(texts)).terms
    assert [term for term in terms if not term.startswith("~")] == ["common", "rare", "thing"]
    assert {"~ com", "~mon "} < set(terms)
    assert not {"~ rar", "~hing"} & set(terms)


def test_forms_of_the_same_word_are_one():
    preparation = fit_tfidf(texts_of(["Café ﬁne"]))
    rows = preparation.features(["CAFE\u0301 fine", "café fine"]).toarray()
    assert (rows[0] == rows[1]).all()
    assert (rows > 0).all()


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
