import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lopsided.data import DataError, read_source, read_text
from lopsided.data.options import DataOptions
from lopsided.data.readers.columns import json_lines

ROWS = [
    {"id": "a", "text": "It purrs.", "labels": ["cat"], "split": "train", "group": "g1"},
    {"id": "b", "text": "It barks, loud.", "labels": ["dog", "pet"], "split": "test", "group": "g2"},
]


def lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def write(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_json_lines_hold_texts_labels_splits_groups_and_ids(tmp_path):
    data = read_text(write(tmp_path, "pets.jsonl", lines(ROWS)))
    assert data.texts.tolist() == ["It purrs.", "It barks, loud."]
    assert data.labels.names == ("cat", "dog", "pet")
    assert data.labels.positives.toarray().tolist() == [[True, False, False], [False, True, True]]
    assert data.splits.tolist() == ["train", "test"]
    assert data.groups.tolist() == ["g1", "g2"]
    assert data.row_names(np.array([1])) == ["b"]


@pytest.mark.parametrize("name", ["pets.csv", "pets.tsv", "pets.json", "pets.parquet", "bars.jsonl"])
def test_every_kind_of_file_means_the_same(tmp_path, name):
    joined = [{**row, "labels": "|".join(row["labels"])} for row in ROWS]
    if name.endswith(".parquet"):
        pq.write_table(pa.table({key: [row[key] for row in ROWS] for key in ROWS[0]}), tmp_path / name)
    elif name == "pets.json":
        write(tmp_path, name, json.dumps(ROWS))
    elif name == "bars.jsonl":
        write(tmp_path, name, lines(joined))
    else:
        sign = "," if name.endswith(".csv") else "\t"
        rows = [sign.join(ROWS[0]), *(sign.join(f'"{cell}"' for cell in row.values()) for row in joined)]
        write(tmp_path, name, "\n".join(rows) + "\n")
    wanted, came = read_text(write(tmp_path, "wanted.jsonl", lines(ROWS))), read_text(tmp_path / name)
    assert came.texts.tolist() == wanted.texts.tolist()
    assert came.labels.names == wanted.labels.names
    assert (came.labels.positives.toarray() == wanted.labels.positives.toarray()).all()
    assert came.ids.tolist() == wanted.ids.tolist()


def test_several_columns_make_one_text_in_the_order_that_the_user_says(tmp_path):
    file = write(tmp_path, "news.csv", "body,title,labels\nIt rained.,Weather,sky\n")
    data = read_source(f"text:{file}", DataOptions(text_columns="title,body", validation_share=0))
    assert data.texts.tolist() == ["Weather\nIt rained."]


ODD = [
    "",
    "word " * 200_000,
    "\U0001f408\u200d\U0001f5a4",
    "a\0b",
    "<b>bold</b> &amp;",
    "\u05e9\u05dc\u05d5\u05dd",
    "a\r\nb\u2028c",
]


def test_texts_of_any_characters_come_as_they_stand(tmp_path):
    rows = [{"text": text, "labels": ["cat"]} for text in ODD]
    data = read_text(write(tmp_path, "odd.jsonl", lines(rows)))
    assert data.texts.tolist() == ODD
    assert data.notes == ("1 of 7 texts are empty",)


def test_a_long_text_in_csv_is_read_whole_and_the_limit_of_others_stays(tmp_path):
    import csv

    before = csv.field_size_limit()
    data = read_text(write(tmp_path, "long.csv", "text,labels\n" + "x" * 1_000_000 + ",cat\n"))
    assert len(data.texts[0]) == 1_000_000
    assert csv.field_size_limit() == before


GOOD = '{"text": "fine", "labels": ["cat"]}\n'


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", GOOD + '{"labels": ["cat"]}\n', "line 2: expected a text in 'text', got none"),
        ("a.jsonl", GOOD + '{"text": null, "labels": []}\n', "line 2: expected a text in 'text', got none"),
        ("a.jsonl", GOOD + '\n{"text": ["x"], "labels": []}\n', r"line 3: expected 'text' to hold text, got \['x'\]"),
        ("a.jsonl", GOOD.encode() + b'{"text": "\xff", "labels": []}\n', "line 2: expected text in UTF-8"),
        ("a.jsonl", GOOD + '{"text": "x", "labels": ["a\\nb"]}\n', "line 2: expected a label name to be one line"),
        ("a.jsonl", GOOD + "{text: 1}\n", "line 2: expected an object in JSON"),
        ("a.jsonl", '{"txt": "x", "labels": ["a"]}\n', "expected one column 'text'.*got 'txt, labels'.*text_columns"),
        ("a.jsonl", '{"body": "x", "content": "y", "labels": ["a"]}\n', "got 'body' and 'content'.*text_columns"),
        ("a.jsonl", '{"text": "x"}\n', "expected a column 'labels'"),
        (
            "a.jsonl",
            '{"id": "1", "text": "x", "labels": ["a"]}\n' * 2,
            "line 2: expected distinct ids, got '1' 2 times",
        ),
        ("a.csv", b"text,labels\na\0b,cat\n", "line 2: expected text, got a NUL byte"),
        ("a.txt", "text\n", "expected a file of texts, .csv"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path, name, content, message):
    with pytest.raises(DataError, match=message):
        read_text(write(tmp_path, name, content))


def test_a_column_that_is_not_there_is_refused_with_the_nearest(tmp_path):
    file = write(tmp_path, "news.csv", "title,body,labels\na,b,c\n")
    with pytest.raises(DataError, match="expected a column 'bodi'.*did you mean 'body'"):
        read_text(file, text_columns="title,bodi")


@pytest.mark.parametrize(
    ("field", "value"),
    [("text", "half \udc00 of it"), ("labels", ["dog", "half \udc00 of it"]), ("id", "half \udc00 of it")],
)
@pytest.mark.parametrize("chunk", [1, 50_000])
def test_half_a_character_is_refused_with_its_line_and_field(tmp_path, monkeypatch, field, value, chunk):
    monkeypatch.setattr(json_lines, "_CHUNK", chunk)
    rows = [ROWS[0], {**ROWS[1], field: value}]
    told = rf"expected '{field}' to hold whole .* \(a lone surrogate, '\\udc00'\) in 'half \\udc00 of it'"
    with pytest.raises(DataError, match=rf"pets.jsonl, line 3: {told}"):
        read_text(write(tmp_path, "pets.jsonl", lines(rows).replace("\n", "\n\n", 1)))
    with pytest.raises(DataError, match=rf"pets.json: {told}"):
        read_text(write(tmp_path, "pets.json", json.dumps(rows)))
