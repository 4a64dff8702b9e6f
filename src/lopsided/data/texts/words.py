"""Words of texts in any language, and the form in which equal texts are equal."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

_WORD = re.compile(r"\w+")


def normal_form(text: str) -> str:
    """A text without what differs between copies of it: Unicode form (NFKC), case and white space.

    >>> normal_form("Ｈello\\n  WORLD ")
    'hello world'
    """
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def words(text: str) -> list[str]:
    """Runs of letters, digits and underscores, in lower case; where a language puts no blanks, such runs are long.

    >>> words("Déjà vu, 2 times!")
    ['déjà', 'vu', '2', 'times']
    """
    return _WORD.findall(text.lower())


def texts_with_word(texts: Iterable[str]) -> Counter[str]:
    """In how many texts each word occurs.

    >>> texts_with_word(["a cat", "A dog, a cow"])["a"]
    2
    """
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(set(words(text)))
    return counts
