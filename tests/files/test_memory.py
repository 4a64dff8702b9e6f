import pytest

from lopsided.data import DataError
from lopsided.files.memory import check_memory, machine_memory


def test_what_does_not_fit_into_the_memory_is_refused_with_both_numbers(monkeypatch):
    monkeypatch.setattr("lopsided.files.memory.machine_memory", lambda: 10 * 2.0**30)
    check_memory(8 * 2**30, what="arrays", path="t.npz")
    with pytest.raises(DataError, match=r"t.npz: expected arrays of at most 8.0 GiB \(80% of memory\), got 9 GiB"):
        check_memory(9 * 2**30, what="arrays", path="t.npz")


def test_this_machine_has_some_memory():
    assert machine_memory() > 2**28
