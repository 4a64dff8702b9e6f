import pytest

from lopsided.data import DataError
from tests.data.readers.for_run import read_nus_wide

HEADER = "filepath,label,split_name\n"
ROWS = "images/0_21.jpg,\"['sky', 'clouds']\",train\nimages/1_17.jpg,[],train\nimages/2_99.jpg,\"['sky']\",val\n"


@pytest.fixture
def read(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "0_21.jpg").write_bytes(b"")

    def write_and_read(text, **options):
        (tmp_path / "nus_wid_data.csv").write_text(text)
        return read_nus_wide(tmp_path, **options)

    return write_and_read


def test_the_file_is_read_where_there_are_no_lists(read):
    manifest = read(HEADER + ROWS)
    assert manifest.name == "nus-wide"
    assert manifest.paths.tolist() == ["images/0_21.jpg", "images/1_17.jpg", "images/2_99.jpg"]
    assert manifest.splits.tolist() == ["train", "train", "val"]
    assert manifest.labels.names == ("clouds", "sky")
    assert manifest.labels.positives.toarray().astype(int).tolist() == [[1, 1], [0, 0], [0, 1]]


def test_images_without_a_label_can_be_left_out_and_a_run_gets_its_labels(read):
    manifest = read(HEADER + ROWS, partition="annotated", label_names=["sky", "sea", "clouds"])
    assert manifest.paths.tolist() == ["images/0_21.jpg", "images/2_99.jpg"]
    assert manifest.labels.positives.toarray().astype(int).tolist() == [[1, 0, 1], [1, 0, 0]]


def test_texts_may_be_in_quotes_of_both_kinds(read):
    manifest = read(HEADER + 'images/0_21.jpg,"[ ""it\'s"", \'a b\' , ]",train\n')
    assert manifest.labels.names == ("a b", "it's")


@pytest.mark.parametrize(
    "cell",
    ["sky", "['sky'", "[sky]", "['sky', 3]", "['sky' 'sea']", "__import__('os').getcwd()", "['a\\x41']", "[['a']]", ""],
)
def test_a_label_that_is_no_list_of_texts_is_refused(read, cell):
    with pytest.raises(DataError, match=r"expected labels such as \['clouds', 'sky'\], got .* in row 1 \(from 0\)"):
        read(f'{HEADER}images/0_21.jpg,[],train\nimages/1_17.jpg,"{cell}",train\n')


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "filepath,label\nimages/0_21.jpg,[]\n",
            "expected the columns filepath, label, split_name, got 'filepath, label'",
        ),
        (HEADER, "expected rows, got none"),
        (HEADER + "images/0_21.jpg,['a'],\n", "row 0 .*expected the name of a split"),
        (HEADER + "images/0_21.jpg,[],train\n", "at least one label"),
        (HEADER + "../0_21.jpg,['a'],train\n", "stays in its folder"),
        (HEADER + "images/gone.jpg,['a'],train\n", "expected images such as images/gone.jpg"),
        (HEADER + "images/0_21.jpg,['a'],train\nimages/0_21.jpg,['a'],val\n", "rows 0 and 1"),
    ],
)
def test_a_file_that_is_no_such_list_is_refused(read, text, message):
    with pytest.raises(DataError, match=message):
        read(text)
