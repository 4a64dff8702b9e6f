"""Which of the two values of an ARFF label means that a sample has it."""

from collections.abc import Iterable

from lopsided.data.readers.arff.file import ArffFile, Attribute
from lopsided.files.errors import DataError, quoted

_PAIRS = (
    *("true false", "t f", "yes no", "y n", "on off", "positive negative", "pos neg", "p n", "+ -", "+1 -1"),
    *("present absent", "relevant irrelevant", "active inactive", "wahr falsch", "ja nein", "j n", "ja nee", "ja nej"),
    *("vrai faux", "oui non", "o n", "verdadero falso", "sí no", "si no", "s n", "vero falso", "sì no"),
    *("verdadeiro falso", "sim não", "sim nao", "tak nie", "да нет", "예 아니오", "예 아니요", "はい いいえ", "是 否"),
)
_NEGATIVE_OF: dict[str, frozenset[str]] = {
    positive: frozenset(negative for pair in _PAIRS for word, negative in [pair.split()] if word == positive)
    for positive in {pair.split()[0] for pair in _PAIRS}
}
_NEGATIVES = frozenset().union(*_NEGATIVE_OF.values())


def positive_codes(file: ArffFile, label_names: Iterable[str], *, positive: str | None = None) -> dict[str, int | None]:
    """Find the position of the value of each label that means that a sample has it; of numeric labels 1, the number.

    Args:
        file: Where the labels are declared; each is one attribute.
        label_names: Which attributes are labels.
        positive: Values that mean it, joined by ``|``, for labels that have one of them; None where nobody said.

    Returns:
        Label to position among its values; None where none of them means that.

    Raises:
        DataError: A label is text or has more than two values; nothing says which of them means that; or ``positive``
            names both values of a label, or a value that no label has.
    """
    wanted, said = set(label_names), {part.strip() for part in (positive or "").split("|") if part.strip()}
    if positive is not None and not said:
        raise DataError(f"expected the value that means that a sample has a label as data.positive, got {positive!r}")
    found: dict[str, int | None] = {}
    used: set[str] = set()
    for attribute in file.attributes:
        if attribute.name in wanted:
            try:
                found[attribute.name] = _code(attribute, said)
            except ValueError as error:
                raise DataError(str(error), path=file.path, line=attribute.line) from None
            used.update(said.intersection(attribute.values))
    if unused := sorted(said - used):
        raise DataError(f"expected values of labels as data.positive, got {quoted(unused[0])}", path=file.path)
    return found


def _code(attribute: Attribute, said: set[str]) -> int | None:
    name, values = quoted(attribute.name), attribute.values
    if attribute.kind == "numeric":
        return 1
    if not 0 < len(values) <= 2:  # none: a text
        raise ValueError(f"expected label {name} to have two values, got {quoted(','.join(values) or attribute.kind)}")
    chosen = [value for value in values if value in said]
    if not chosen:
        chosen = [value for value in values if _is_positive(value)]
        if not _are_known(values):
            raise ValueError(
                f"expected values of label {name} of which it is known which one says that a sample has it, such as "
                f"{{0,1}}, {{no,yes}} or {{F,T}}, got {quoted(','.join(values))}; say it by --data.positive "
                + " or ".join(map(quoted, reversed(values)))
            )
    if len(chosen) > 1:
        raise ValueError(f"expected one of the values of label {name} in data.positive, got {' and '.join(chosen)}")
    return values.index(chosen[0]) if chosen else None


def _are_known(values: tuple[str, ...]) -> bool:
    """Whether values are a known pair, in either order, or one value of such a pair."""
    if len(values) == 1:
        return _is_positive(values[0]) or _is_negative(values[0])
    return any(
        (_number(value), _number(other)) in ((1, 0), (1, -1))
        or other.casefold() in _NEGATIVE_OF.get(value.casefold(), ())
        for value, other in (values, values[::-1])
    )


def _is_positive(value: str) -> bool:
    return _number(value) == 1 or value.casefold() in _NEGATIVE_OF


def _is_negative(value: str) -> bool:
    return _number(value) in (0, -1) or value.casefold() in _NEGATIVES


def _number(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None
