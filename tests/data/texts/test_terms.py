import pytest
from sklearn.feature_extraction.text import CountVectorizer

from lopsided.data.texts import terms as terms_module
from lopsided.data.texts.terms import Least, counts_of, frequent_terms, pieces_of, words_of

TEXTS = ["the cat and the cat", "", "a dog, the DOG", "cat"]
EVERY = Least(1, 1, 1)


@pytest.fixture(params=[1, 3, 100])
def at_once(request, monkeypatch):
    """However many texts are counted together, the counts are the same."""
    monkeypatch.setattr(terms_module, "_AT_ONCE", request.param)


def of_kind(terms, *, piece):
    return [term for term in terms if term.startswith("~") == piece]


def places_of(terms):
    return {term: place for place, term in enumerate(terms)}


def test_words_and_pairs_are_counted_as_by_scikit_learn(at_once):
    wanted = CountVectorizer(ngram_range=(1, 2)).fit(TEXTS)
    terms = of_kind(frequent_terms(TEXTS, EVERY), piece=False)
    assert terms == wanted.get_feature_names_out().tolist()
    assert (counts_of(TEXTS, places_of(terms)).toarray() == wanted.transform(TEXTS).toarray()).all()


def test_pieces_are_counted_as_by_scikit_learn(at_once):
    texts = ["the cats and the cats", "", "dogs  see the dogs"]
    wanted = CountVectorizer(analyzer="char_wb", ngram_range=(4, 4)).fit(texts)
    terms = of_kind(frequent_terms(texts, EVERY), piece=True)
    assert [term[1:] for term in terms] == wanted.get_feature_names_out().tolist()
    assert (counts_of(texts, places_of(terms)).toarray() == wanted.transform(texts).toarray()).all()


def test_a_term_is_frequent_by_the_texts_that_it_stands_in(at_once):
    texts = ["cat cat", "cat dog", "cat dog", "cats"]
    assert frequent_terms(texts, Least(2, 2, 3)) == ["cat", "cat dog", "dog", "~ cat", "~cat "]
    assert frequent_terms(texts, Least(3, 3, 4)) == ["cat", "~ cat"]


def test_pairs_do_not_reach_from_one_text_into_the_next():
    assert "cat dog" not in frequent_terms(["cat", "dog"], EVERY)


def test_unknown_terms_are_left_out_and_columns_are_where_they_were_put(at_once):
    counts = counts_of(["dog cat dog bird", "bird"], {"dog": 2, "fish": 1, "cat": 0})
    assert counts.toarray().tolist() == [[1, 0, 2], [0, 0, 0]]
    assert counts.has_sorted_indices


def test_no_texts_have_no_rows():
    assert counts_of([], {"cat": 0}).shape == (0, 1)
    assert frequent_terms([], EVERY) == []


def test_signs_of_scripts_without_spaces_are_words_of_their_own_and_have_no_pieces():
    assert words_of("猫が好き cat") == ["猫", "が", "好", "き", "cat"]
    assert pieces_of("猫") == []
    assert pieces_of("ab") == ["~ ab "]


def test_no_word_begins_like_a_piece():
    assert words_of("~lib ~ lib") == ["lib", "lib"]
