import numpy as np
import pytest
from scipy.sparse import csr_array

from lopsided.data import DataError, Labels, Manifest

LABELS = Labels(("cat",), csr_array(np.ones((2, 1), dtype=bool)))


@pytest.mark.parametrize("kind", [object, "U5"])
def test_paths_are_an_array_of_texts_of_any_length(tmp_path, kind):
    with pytest.raises(DataError, match=r"expected paths to be a StringDType array of shape \(samples,\), got "):
        Manifest("pets", tmp_path, np.array(["a.jpg", "b.jpg"], dtype=kind), LABELS, np.array(["train", "train"]))
