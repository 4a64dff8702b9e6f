import numpy as np
import pytest

from lopsided.files.errors import DataError
from lopsided.runs.folder import RunFolder
from lopsided.runs.label_weights import keep_label_weights, label_weights_of, read_label_weights

LABELS = ("sea", "sun, sand", "🏖️")


def test_weights_come_in_the_order_of_the_labels_whatever_their_order_in_the_file(tmp_path):
    (tmp_path / "w.csv").write_text('label,weight\n🏖️,0\n"sun, sand",2.5\n sea ,1e1\n')
    found = read_label_weights(tmp_path / "w.csv", LABELS)
    assert found.dtype == np.float32
    assert found.tolist() == [10, 2.5, 0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("label,weight\nsee,1\n", "line 2: expected a label of the data, got 'see'; did you mean 'sea'?"),
        ("label,weight\nsea,1\nsea,2\n", "line 3: expected one weight for each label, got 'sea' twice"),
        (
            "label,weight\nsea,1\n",
            "expected a weight for each of 3 labels, got none for 'sun, sand' and 1 more",
        ),
        ("label,weight\nsea,-1\n", "line 2: expected a weight, a number of at least 0, got '-1'"),
        ("label,weight\nsea,nan\n", "expected a weight, a number of at least 0, got 'nan', a word for a missing value"),
        ("label,weight\nsea,1e39\n", "line 2: expected a weight, a number of at least 0, got '1e39'"),
        ("label,weight\nsea,\n", "line 2: expected a weight, a number of at least 0, got an empty cell"),
        ("label,weight\nsea,0\n🏖️,0\n'sun, sand',0\n", "line 4: expected 2 cells, got 3"),
        ('label,weight\nsea,0\n🏖️,0\n"sun, sand",0\n', "expected a label with a weight above 0, got 0 for all"),
        ("label,wieght\nsea,1\n", "expected a column 'weight' (label weights have label and weight), got 'wieght'"),
    ],
)
def test_what_is_wrong_is_refused_with_its_line_and_the_nearest_right_name(tmp_path, text, message):
    (tmp_path / "w.csv").write_text(text)
    with pytest.raises(DataError) as caught:
        read_label_weights(tmp_path / "w.csv", LABELS)
    assert message in str(caught.value)
    assert str(tmp_path / "w.csv") in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match=r"gone\.csv: cannot be read: No such file or directory"):
        label_weights_of(RunFolder(tmp_path), str(tmp_path / "gone.csv"), LABELS, goes_on=False)


def test_what_a_run_keeps_is_read_back_as_it_was(tmp_path):
    weights = np.array([0.1, 3, 1e-30], np.float32)
    run = RunFolder(tmp_path)
    keep_label_weights(run, weights, LABELS)
    assert np.array_equal(read_label_weights(run.label_weights_file, LABELS), weights)
    keep_label_weights(run, None, LABELS)
    assert not run.label_weights_file.exists()
