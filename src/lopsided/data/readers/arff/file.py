r"""One ARFF file: its attributes, and its rows as numbers.

The grammar is that of Weka's own reader: values are separated by commas or blanks, quoted by ``'`` or ``"`` with
backslash escapes, keywords ignore case, ``%`` starts a comment, ``{3 1, 7 2.5}`` is a sparse row, and there an omitted
nominal value is the *first* declared one. ``scipy.io.arff`` reads neither sparse rows nor text attributes, and
liac-arff (last released in 2020) keeps neither that rule nor the comments.
"""

import math
import re
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from lopsided.files.errors import DataError, quoted
from lopsided.files.regular import read_bytes

# A text quoted by ' or ", or a run without separators. Each character fits one branch only, so it takes linear time.
_TOKEN = re.compile(r"""\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|([^\s,'"%][^\s,]*))(?=[\s,]|$)""", re.DOTALL)
_ATTRIBUTE = re.compile(
    r"""@attribute\s+('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\s{'"][^\s{]*)\s*(.*)$""", re.I | re.DOTALL
)
_NOMINAL = re.compile(r"\{(.*)\}\s*(?:%.*)?$", re.DOTALL)
_NUMERIC = ("numeric", "real", "integer")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


@dataclass(frozen=True)
class Attribute:
    """A column of an ARFF file.

    Args:
        name: As declared, without quotes.
        kind: ``numeric``, ``nominal`` or ``string``.
        values: Of a nominal attribute, in the declared order.
        line: Line that declares it, from 1; two attributes are equal whatever their lines.
    """

    name: str
    kind: str
    values: tuple[str, ...] = ()
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, eq=False)
class ArffFile:
    """The content of an ARFF file.

    Args:
        path: The file.
        attributes: The columns.
        rows: Shape (rows, attributes), float64: the number, or the position of a nominal value among the declared ones
            from 0; nan where the file has ``?``; 0 for every text. Zeros are not stored.
        lines: Line of each row in the file, from 1, shape (rows,).
        relation: Name of the data set, without quotes.
    """

    path: Path
    attributes: tuple[Attribute, ...]
    rows: csr_array
    lines: np.ndarray
    relation: str = ""


def read_arff_file(path: str | Path) -> ArffFile:
    """Read one ARFF file, in UTF-8, or in Latin-1 where it is not valid UTF-8.

    Returns:
        At least one attribute, and at least one row.

    Raises:
        DataError: The file is missing, truncated or malformed; the message names the line.
    """
    path = Path(path)
    content = read_bytes(path)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    # Not splitlines(), which also breaks at characters that may stand in a name.
    lines = enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), start=1)
    relation, attributes = _read_header(path, lines)
    return _read_rows(path, relation, attributes, lines)


def _read_header(path: Path, lines: Iterator[tuple[int, str]]) -> tuple[str, tuple[Attribute, ...]]:
    relation, attributes = "", []
    for number, raw in lines:
        line = raw.strip()
        keyword = line.split(None, 1)[0].lower() if line else "%"
        if keyword.startswith("%"):
            continue
        if keyword.startswith("@relation"):
            relation = _unquoted(line[len("@relation") :].strip())
            continue
        if keyword == "@data":
            if not attributes:
                raise DataError("expected @attribute lines before @data, got none", path=path, line=number)
            return relation, tuple(attributes)
        if keyword != "@attribute":
            raise DataError(f"expected @relation, @attribute or @data, got {quoted(line)}", path=path, line=number)
        try:
            attributes.append(_read_attribute(line, number))
        except ValueError as error:
            raise DataError(str(error), path=path, line=number) from None
    raise DataError("expected a line @data, got the end of the file", path=path)


def _read_attribute(line: str, number: int) -> Attribute:
    match = _ATTRIBUTE.match(line)
    if match is None or not match[2]:
        raise ValueError(f"expected @attribute NAME TYPE, got {quoted(line)}")
    name, kind = _unquoted(match[1]), match[2]
    nominal = _NOMINAL.match(kind)
    if nominal:
        values = tuple(_tokens(nominal[1]))
        if not values or len(set(values)) != len(values):
            raise ValueError(f"expected distinct values of attribute {quoted(name)}, got {quoted(kind)}")
        return Attribute(name, "nominal", values, number)
    word = kind.split()[0].lower()
    if word in _NUMERIC:
        return Attribute(name, "numeric", line=number)
    if word == "string":
        return Attribute(name, "string", line=number)
    raise ValueError(
        f"expected attribute {quoted(name)} to be numeric, real, integer, string or {{a, list}}, got {quoted(kind)}"
    )


def _read_rows(
    path: Path, relation: str, attributes: tuple[Attribute, ...], lines: Iterator[tuple[int, str]]
) -> ArffFile:
    decoders = [_decoder(a) for a in attributes]
    everything = range(len(attributes))
    # Flat arrays of numbers: one list per row would take ten times the memory.
    columns, values, ends, line_numbers = array("i"), array("d"), array("q", [0]), array("q")
    for number, raw in lines:
        line = raw.strip()
        if not line or line[0] == "%":
            continue
        try:
            if line[0] == "{":
                indices, tokens = _split_sparse(line, len(attributes))
                values.extend([decoders[i](token) for i, token in zip(indices, tokens, strict=True)])
                columns.extend(indices)
            else:
                tokens = _split(line)
                if len(tokens) != len(attributes):
                    raise ValueError(f"expected {len(attributes)} values, got {len(tokens)}")
                values.extend([decode(token) for decode, token in zip(decoders, tokens, strict=True)])
                columns.extend(everything)
        except ValueError as error:
            raise DataError(str(error), path=path, line=number) from None
        ends.append(len(values))
        line_numbers.append(number)
    if not line_numbers:
        raise DataError("expected rows after @data, got none", path=path)
    rows = csr_array(
        (np.asarray(values), np.asarray(columns), np.asarray(ends)),
        shape=(len(line_numbers), len(attributes)),
    )
    rows.eliminate_zeros()
    return ArffFile(path, attributes, rows, np.asarray(line_numbers), relation)


def _decoder(attribute: Attribute) -> Callable[[str], float]:
    if attribute.kind == "string":
        return lambda _: 0.0
    codes = {value: float(code) for code, value in enumerate(attribute.values)}
    codes["?"] = math.nan
    nominal = attribute.kind == "nominal"
    wanted = "one of " + quoted(", ".join(attribute.values)) if nominal else "a number"

    def decode(token: str) -> float:
        try:
            if nominal or token == "?":
                return codes[token]
            return float(token if "_" not in token else "")  # Python's 1_000 is no number of ARFF
        except (KeyError, ValueError):
            raise ValueError(f"expected {wanted} for attribute {quoted(attribute.name)}, got {quoted(token)}") from None

    return decode


def _split_sparse(line: str, num_attributes: int) -> tuple[list[int], list[str]]:
    end = line.rfind("}")
    if end < 0 or line[end + 1 :].lstrip()[:1] not in ("", "%"):
        raise ValueError(f"expected a row in braces {{...}}, got {quoted(line)}")
    tokens = _split(line[1:end])
    if len(tokens) % 2:
        raise ValueError(f"expected pairs of a column and its value, got {len(tokens)} parts")
    try:
        indices = list(map(int, tokens[::2]))
    except ValueError:
        raise ValueError("expected pairs of a column and its value, got a column that is no whole number") from None
    if indices and not 0 <= min(indices) <= max(indices) < num_attributes:
        raise ValueError(f"expected columns from 0 to {num_attributes - 1}, got {min(indices)} to {max(indices)}")
    if len(set(indices)) != len(indices):
        raise ValueError("expected each column at most once in a row, got one twice")
    return indices, tokens[1::2]


def _split(line: str) -> list[str]:
    # Most files have no quotes, and this is ten times as fast as looking at each token.
    if "'" in line or '"' in line or "%" in line or line.lstrip()[:1] == ",":
        return list(_tokens(line))
    return line.replace(",", " ").split()


def _tokens(text: str) -> Iterator[str]:
    position = 0
    while match := _TOKEN.match(text, position):
        single, double, bare = match.groups()
        yield bare if bare is not None else _unescape(single if single is not None else double)
        position = match.end()
        while position < len(text) and text[position] in ", \t":
            position += 1
    rest = text[position:].strip()
    if rest and rest[0] != "%":
        raise ValueError(f"expected values that are separated by commas and quotes that are closed, got {quoted(rest)}")


def _unquoted(name: str) -> str:
    quoted_by = name[:1]
    return _unescape(name[1:-1]) if quoted_by in ("'", '"') and name.endswith(quoted_by) else name


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), text, flags=re.DOTALL)
