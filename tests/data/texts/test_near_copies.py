import numpy as np
import pytest

from lopsided.data.texts.near_copies import near_copies_in_two_splits, near_copy_ids, sketches

ALPHABETS = {
    "latin": "abcdefghijklmnopqrstuvwxyz",
    "hangul": "가나다라마바사아자차카타파하거너더러머버",
    "arabic": "ابتثجحخدذرزسشصضطظعغفق",
    "chinese": "天地玄黃宇宙洪荒日月盈昃辰宿列張寒來暑往",
}


def text_of(seed, *, words=60, alphabet="latin"):
    """Random words of one alphabet."""
    random = np.random.default_rng(seed)
    letters = list(ALPHABETS[alphabet])
    return " ".join("".join(random.choice(letters, size=random.integers(2, 9))) for _ in range(words))


def changed(text, *, words):
    """Some words in its middle replaced."""
    parts = text.split(" ")
    return " ".join([*parts[:20], *["other"] * words, *parts[20 + words :]])


def shared(one, other):
    """The exact share of runs of five characters that both have."""
    runs = [{text[k : k + 5] for k in range(max(1, len(text) - 4))} for text in (one, other)]
    return len(runs[0] & runs[1]) / len(runs[0] | runs[1])


def pairs(texts, splits, **options):
    return near_copies_in_two_splits(sketches(texts), np.array(splits), **options).tolist()


@pytest.mark.parametrize("alphabet", ALPHABETS)
def test_a_text_with_a_few_other_words_is_found_in_any_language(alphabet):
    text = text_of(1, alphabet=alphabet)
    texts = [text_of(2, alphabet=alphabet), text, changed(text, words=2), changed(text, words=30)]
    assert shared(text, texts[2]) > 0.87
    assert shared(text, texts[3]) < 0.6
    assert pairs(texts, ["train", "train", "test", "test"]) == [[1, 2]]


def test_case_spacing_and_unicode_form_do_not_count():
    text = text_of(1)
    odd = "\n ".join(text.upper().split()).replace("A", "Ａ")
    assert pairs([text, odd], ["train", "test"]) == [[0, 1]]
    assert np.array_equal(*sketches([text, odd]))


def test_equal_numbers_estimate_the_share_of_runs_that_both_have():
    text = text_of(3, words=400)
    for words in (5, 20, 60, 150):
        other = changed(text, words=words)
        one, two = sketches([text, other])
        assert np.mean(one == two) == pytest.approx(shared(text, other), abs=0.12)  # three standard errors


def test_nearly_all_pairs_above_the_threshold_are_found_and_none_far_below():
    texts, splits, close, far = [], [], 0, 0
    for seed in range(200):
        text = text_of(seed)
        words = 1 + seed % 20
        share = shared(text, changed(text, words=words))
        close, far = close + (share > 0.88), far + (share < 0.7)
        texts += [text, changed(text, words=words)]
        splits += ["train", "test"]
    found = pairs(texts, splits)
    assert all(other == one + 1 for one, other in found)
    shares = [shared(texts[one], texts[other]) for one, other in found]
    assert min(shares) > 0.7
    assert far > 20
    assert sum(share > 0.88 for share in shares) >= close - 1


def test_the_nearest_of_an_earlier_split_is_named_and_a_split_alone_has_no_pairs():
    text = text_of(5)
    texts = [changed(text, words=3), changed(text, words=1), text]
    assert pairs(texts, ["train", "train", "val"]) == [[1, 2]]
    assert pairs(texts, ["train", "train", "train"]) == []
    assert pairs(texts, ["test", "val", "train"]) == [[1, 0], [2, 1]]


def test_short_and_empty_texts_are_compared_like_others():
    texts = ["", "", "abc", "ABC", "abd", "👩‍👩‍👧", "\x00", "-"]
    assert pairs(texts, ["train", "test"] * 4) == [[2, 3]]
    assert sketches([]).shape == (0, 126)
    assert near_copy_ids(sketches(texts)).tolist() == [0, 1, 2, 2, 3, 4, 5, 6]


def test_a_long_text_and_half_of_a_character_are_no_trouble():
    long = text_of(7, words=150_000)
    texts = [long, long + " one more line", "half \ud800 of a character that is long enough", "-"]
    assert len(long) > 800_000
    assert pairs(texts, ["train", "test", "train", "test"]) == [[0, 1]]


def test_a_chain_of_near_copies_has_one_number():
    text = text_of(8, words=200)
    steps = [changed(text, words=count) for count in range(0, 72, 12)]
    ids = near_copy_ids(sketches([*steps, text_of(9)])).tolist()
    assert shared(steps[0], steps[-1]) < 0.7
    assert ids == [0] * 6 + [1]


def test_a_crowd_of_texts_that_are_all_alike_stays_together():
    text = text_of(10, words=100)
    crowd = [f"{text} {number}" for number in range(2000)]
    sketched = sketches(crowd)
    assert near_copy_ids(sketched).max() == 0
    splits = np.array(["train", "test"] * 1000)
    assert len(near_copies_in_two_splits(sketched, splits)) == 1000


@pytest.mark.parametrize("similarity", [0, 1.5, float("nan")])
def test_a_similarity_that_is_no_share_is_refused(similarity):
    with pytest.raises(ValueError, match=r"expected similarity to lie in \(0, 1\], got"):
        near_copy_ids(sketches(["a"]), similarity=similarity)
