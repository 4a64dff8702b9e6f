import os

import pytest

from lopsided.data.whole_file import append_lines, whole


def test_a_block_that_fails_leaves_the_file_as_it_was_and_nothing_beside_it(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("before")

    def write_half():
        with whole(path) as part:
            part.write_text("aft")
            raise KeyError("half")

    with pytest.raises(KeyError):
        write_half()
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_what_a_killed_process_left_is_written_over(tmp_path):
    (tmp_path / "a.txt.part").write_text("much more than what comes")
    with whole(tmp_path / "a.txt") as part:
        part.write_text("all")
    assert (tmp_path / "a.txt").read_text() == "all"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_of_a_shared_file_only_parts_that_nobody_writes_to_are_removed(tmp_path):
    for number, age in ((1, 3600), (2, 5)):
        (tmp_path / f"a.npz.{number}.part").write_text("")
        changed = (tmp_path / f"a.npz.{number}.part").stat().st_mtime - age
        os.utime(tmp_path / f"a.npz.{number}.part", (changed, changed))
    with whole(tmp_path / "a.npz", shared=True) as part:
        part.write_text("all")
    assert sorted(os.listdir(tmp_path)) == ["a.npz", "a.npz.2.part"]


def test_an_error_names_the_file_and_not_the_one_beside_it(tmp_path):
    path = tmp_path / "none" / "a.txt"
    with pytest.raises(FileNotFoundError) as error, whole(path) as part:
        part.write_text("all")
    assert (error.value.filename, error.value.strerror) == (str(path), "cannot be written: No such file or directory")


def test_an_error_about_another_file_stays_as_it_is(tmp_path):
    with pytest.raises(FileNotFoundError) as error, whole(tmp_path / "a.txt"):
        (tmp_path / "none.txt").read_text()
    assert error.value.filename == str(tmp_path / "none.txt")


def test_lines_that_find_no_room_are_taken_back(tmp_path):
    resource = pytest.importorskip("resource")
    path = tmp_path / "a.csv"
    append_lines(path, "1,2\n")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        with pytest.raises(OSError, match="cannot be written: File too large"):
            append_lines(path, "3,4\n5,6\n7,8\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_text() == "1,2\n"
