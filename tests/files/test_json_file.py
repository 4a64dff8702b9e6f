import pytest

from lopsided.data import DataError
from lopsided.files.json_file import read_json


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": 1,\n "b": }', "x.json, line 2: expected JSON, got expecting value; is the file complete?"),
        (b'{"a": 1, "b": 2, "a": 3}', "x.json: expected each member once, got 'a' twice in one object"),
        (b'{"a": NaN}', "x.json: expected numbers that JSON has, got NaN"),
        (b"[-Infinity]", "x.json: expected numbers that JSON has, got -Infinity"),
        (b'["a",\n"caf\xe9"]', "x.json, line 2: expected text in UTF-8, got other bytes"),
        (b"[" * 200_000, "x.json: expected JSON, got lists in lists without end"),
        (b"1" * 5000, "x.json: expected JSON, got Exceeds the limit"),
        (b" " * 101, "x.json: expected a file of at most 100 bytes, got 101"),
    ],
)
def test_what_parsers_take_in_silence_or_break_at_is_one_error(tmp_path, content, message):
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(DataError) as error:
        read_json(tmp_path / "x.json", at_most=100 if content.isspace() else None)
    assert message in str(error.value)


def test_a_byte_order_mark_does_not_matter(tmp_path):
    (tmp_path / "x.json").write_bytes(b'\xef\xbb\xbf{"a": [1.5, null]}')
    assert read_json(tmp_path / "x.json") == {"a": [1.5, None]}
