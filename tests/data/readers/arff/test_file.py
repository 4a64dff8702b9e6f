import numpy as np
import pytest

from lopsided.data import DataError
from lopsided.data.readers.arff.file import Attribute, read_arff_file


@pytest.fixture
def read(tmp_path):
    def write_and_read(text):
        path = tmp_path / "toy.arff"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_arff_file(path)

    return write_and_read


def rows_of(file):
    return file.rows.toarray().tolist()


def test_keywords_ignore_case_and_tabs_comments_and_blank_lines_do_not_matter(read):
    file = read(
        "% by hand\n\n@RELATION 'a b'\n@Attribute\tage  NUMERIC  \n@attribute size real % in cm\n"
        "@ATTRIBUTE n Integer [0,9]\n\n@DATA\n% rows\n 1, 2.5,\t3  \n\n-1e2\t0 7 % last\n"
    )
    assert [a.name for a in file.attributes] == ["age", "size", "n"]
    assert {a.kind for a in file.attributes} == {"numeric"}
    assert rows_of(file) == [[1, 2.5, 3], [-100, 0, 7]]
    assert file.lines.tolist() == [10, 12]


def test_names_and_values_may_be_quoted_and_escaped(read):
    file = read(
        "@relation r\n@attribute 'it\\'s \"so\"' {'a b', \"c,d\" , e%f,'g\\\\h'}\n"
        "@attribute \"two words\"{0,1}\n@data\n'c,d',1\n\"a b\" , 0\ne%f 1\n'g\\\\h',0 % why\n"
    )
    assert file.attributes[0] == Attribute('it\'s "so"', "nominal", ("a b", "c,d", "e%f", "g\\h"))
    assert file.attributes[1] == Attribute("two words", "nominal", ("0", "1"))
    assert rows_of(file) == [[1, 1], [0, 0], [2, 1], [3, 0]]


def test_in_a_sparse_row_what_is_left_out_is_zero_or_the_first_value(read):
    file = read(
        "@relation r\n@attribute c {red,green}\n@attribute x numeric\n@data\n{}\n{ 1 2.5 }\n{0 green,1 -1}\n{ }\n"
    )
    assert rows_of(file) == [[0, 0], [0, 2.5], [1, -1], [0, 0]]


def test_sparse_rows_may_be_unordered_quoted_and_followed_by_a_comment(read):
    file = read("@relation r\n@attribute x numeric\n@attribute c {a,'b }'}\n@data\n{1 'b }', 0 3} % two\n1,a\n")
    assert rows_of(file) == [[3, 1], [1, 0]]


def test_a_question_mark_is_no_number(read):
    file = read("@relation r\n@attribute x numeric\n@attribute c {a,b}\n@data\n?,b\n{0 1,1 ?}\n")
    assert np.isnan(file.rows.toarray()).tolist() == [[True, False], [False, True]]


def test_texts_are_read_over(read):
    assert rows_of(read("@relation r\n@attribute t string\n@attribute x numeric\n@data\n'a, b',2\n{1 3}\n")) == [
        [0, 2],
        [0, 3],
    ]


@pytest.mark.parametrize(
    "content", [b"\xef\xbb\xbf@relation r\r\n@attribute caf\xc3\xa9 numeric\r\n@data\r\n1\r\n2\r\n"]
)
@pytest.mark.parametrize(
    "change", [lambda c: c, lambda c: c[3:].replace(b"\xc3\xa9", b"\xe9"), lambda c: c.replace(b"\r\n", b"\r")]
)
def test_byte_order_marks_latin_1_and_all_line_ends_are_read(read, content, change):
    file = read(change(content))
    assert file.attributes[0].name == "café"
    assert rows_of(file) == [[1], [2]]


def test_characters_that_python_takes_for_line_ends_may_stand_in_a_name(read):
    assert read("@relation r\n@attribute 'a\u2028b\x0bc' numeric\n@data\n1\n").attributes[0].name == "a\u2028b\x0bc"


HEADER = "@relation r\n@attribute x numeric\n@attribute c {a,b}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a line @data, got the end of the file"),
        (HEADER, "expected a line @data"),
        (HEADER + "@data\n% none\n", "expected rows after @data, got none"),
        ("@relation r\n@data\n1\n", "line 2: expected @attribute lines before @data"),
        ("a,b\n1,2\n", "line 1: expected @relation, @attribute or @data, got 'a,b'"),
        ("@attribute\n", "line 1: expected @attribute NAME TYPE"),
        ("@attribute x\n", "line 1: expected @attribute NAME TYPE"),
        ("@attribute 'x numeric\n", "line 1: expected @attribute NAME TYPE"),
        ("@attribute x {}\n", "distinct values of attribute 'x'"),
        ("@attribute x {a,a}\n", "distinct values of attribute 'x'"),
        ("@attribute x {a,'b}\n", "quotes that are closed"),
        ("@attribute x {a,b\n", "expected attribute 'x' to be numeric"),
        (
            "@attribute when date\n",
            "line 1: expected attribute 'when' to be numeric, real, integer, string or {a, list}",
        ),
        ("@attribute bag relational\n", "expected attribute 'bag' to be"),
        (HEADER + "@data\n1\n", "line 5: expected 2 values, got 1"),
        (HEADER + "@data\n1,a\n1,a,a\n", "line 6: expected 2 values, got 3"),
        (HEADER + "@data\n1,c\n", "line 5: expected one of 'a, b' for attribute 'c', got 'c'"),
        (HEADER + "@data\nred,a\n", "line 5: expected a number for attribute 'x', got 'red'"),
        (HEADER + "@data\n1_0,a\n", "line 5: expected a number for attribute 'x', got '1_0'"),
        (HEADER + "@data\n1,'a\n", "line 5: .*quotes that are closed, got"),
        (HEADER + "@data\n1,'a'b\n", "line 5: .*separated by commas"),
        (HEADER + "@data\n,1,a\n", "line 5: .*separated by commas"),
        (HEADER + "@data\n{0 1\n", r"line 5: expected a row in braces"),
        (HEADER + "@data\n{0 1}, {5}\n", "line 5: expected pairs"),
        (HEADER + "@data\n{0}\n", "line 5: expected pairs of a column and its value, got 1 parts"),
        (HEADER + "@data\n{x 1}\n", "line 5: .*a column that is no whole number"),
        (HEADER + "@data\n{2 1}\n", "line 5: expected columns from 0 to 1, got 2 to 2"),
        (HEADER + "@data\n{-1 1}\n", "line 5: expected columns from 0 to 1"),
        (HEADER + "@data\n{0 1,0 2}\n", "line 5: expected each column at most once"),
    ],
)
def test_a_malformed_file_is_refused_in_one_line_with_its_place(read, text, message):
    with pytest.raises(DataError, match=message) as caught:
        read(text)
    assert "toy.arff" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"none\.arff: cannot be read"):
        read_arff_file(tmp_path / "none.arff")


@pytest.mark.parametrize("written", ["'a b: -C 2'", '"a b: -C 2"', "'a b: -C 2' "])
def test_the_relation_is_known_without_its_quotes(read, written):
    assert read(f"@relation {written}\n@attribute x numeric\n@data\n1\n").relation == "a b: -C 2"


def test_an_attribute_knows_its_line(read):
    file = read("% by hand\n@relation r\n@attribute x numeric\n\n@attribute c {a,b}\n@data\n1,a\n")
    assert [attribute.line for attribute in file.attributes] == [3, 5]
