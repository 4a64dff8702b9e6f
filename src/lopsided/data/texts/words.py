"""Words of texts in any language, and the form in which equal texts are equal."""

import re
import unicodedata
from collections import Counter
from collections.abc import Container, Iterable

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


def pieces(text: str, chosen: Container[str]) -> list[tuple[str, bool]]:
    """A text in pieces, which joined are the text, and whether each is one of the chosen words, in lower case.

    >>> pieces("A Zebra, a cat", {"zebra"})
    [('A ', False), ('Zebra', True), (', a cat', False)]
    """
    found: list[tuple[str, bool]] = []
    done = 0
    for match in _WORD.finditer(text):
        if match[0].lower() in chosen:
            found += [(text[done : match.start()], False), (match[0], True)]
            done = match.end()
    found.append((text[done:], False))
    return [(piece, is_chosen) for piece, is_chosen in found if piece]


def texts_with_word(texts: Iterable[str]) -> Counter[str]:
    """In how many texts each word occurs.

    >>> texts_with_word(["a cat", "A dog, a cow"])["a"]
    2
    """
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(set(words(text)))
    return counts
