import numpy as np
import pytest

from lopsided.data import DataError
from lopsided.data.split_names import check_splits


@pytest.mark.parametrize("name", ["tr\udce9", "\ud83d", "a\nb", "a\x1b[2J"])
def test_a_split_that_no_file_can_hold_or_a_terminal_obeys_is_refused(name):
    with pytest.raises(DataError, match="expected a split to be a name without control characters, got ") as caught:
        check_splits(np.array(["train", "validation", name]), samples=3)
    assert str(caught.value).isprintable()


def test_names_of_every_script_are_splits():
    check_splits(np.array(["train", "\u9a8c\u8bc1", "\U0001f98a", "a b"]), samples=4)
