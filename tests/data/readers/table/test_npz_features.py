import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from lopsided.data import DataError, Labels, Table
from lopsided.data.readers.table.npz_features import features_of_arrays
from lopsided.data.writing.writer import write_data
from tests.data.readers.for_run import read_table

SPARSE = {
    "features_indptr": np.array([0, 2, 2]),
    "features_indices": np.array([4, 1]),
    "features_data": np.array([0.5, 2.0]),
}


def test_sparse_features_are_what_is_not_zero():
    assert features_of_arrays(SPARSE).toarray().tolist() == [[0, 2, 0, 0, 0.5], [0] * 5]
    assert features_of_arrays({**SPARSE, "features_shape": np.array([2, 9])}).shape == (2, 9)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"features_data": None}, "got none of the name 'features_data'"),
        ({"features": np.zeros((2, 5))}, "in 'features', or sparse, got 'features_indptr' beside 'features'"),
        ({"features_indices": np.array([4, -1])}, "from 0 to 4, got -1 at 1"),
        ({"features_indptr": np.array([0, 3, 2])}, "got 0 to 2 and back in between"),
        ({"features_indptr": np.array([0, 2, 1])}, "rise from 0 to the length of features_indices"),
        ({"features_indptr": np.array([], dtype=int)}, "got no number"),
        ({"features_data": np.array([1.0])}, "one for each of features_indices"),
        ({"features_shape": np.array([3, 9])}, "numbers of samples .2. and features, got .3, 9."),
        ({"features_shape": np.array([2, 3])}, "numbers of features from 0 to 2, got 4 at 0"),
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(changes, message):
    arrays = {name: array for name, array in (SPARSE | changes).items() if array is not None}
    with pytest.raises(ValueError, match=message):
        features_of_arrays(arrays)


def test_a_number_that_is_none_is_refused_with_its_row(tmp_path):
    np.savez(tmp_path / "a.npz", **(SPARSE | {"features_data": np.array([1.0, np.nan])}), labels=np.ones((2, 1)))
    with pytest.raises(DataError, match=r"got nan in row 0 \(from 0\), column 1"):
        read_table(tmp_path / "a.npz")


def test_what_is_written_is_what_is_read_back(tmp_path):
    features = csr_array(random_array((30, 1000), density=0.01, format="csr", dtype=np.float32, rng=0))
    positives = csr_array(np.arange(60).reshape(30, 2) % 3 == 0)
    table = Table("wide", features, Labels(("a", "b"), positives), np.array(["train"] * 30), stays_sparse=True)
    write_data(table, tmp_path / "wide.npz")
    again = read_table(tmp_path / "wide.npz")
    assert again.inputs() == table.inputs()
    assert (again.features != features).nnz == 0
    assert (again.labels.positives != positives).nnz == 0
