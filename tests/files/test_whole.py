import os
import signal
import subprocess
import sys

import pytest

from lopsided.files.whole import append_lines, folder_for, whole


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


@pytest.mark.parametrize("name", ["a.txt.77.part", "a.txt.77-0123abcd.part"])
def test_so_is_what_one_left_that_had_a_part_of_its_own(tmp_path, name):
    (tmp_path / name).write_text("half")
    with whole(tmp_path / "a.txt") as part:
        part.write_text("all")
    assert os.listdir(tmp_path) == ["a.txt"]


def test_files_of_others_stay(tmp_path):
    others = ["a.txt.old.part", "b.a.txt.part", "a.txt.77-0123abcd.part.txt", "axtxt.part"]
    for name in others:
        (tmp_path / name).write_text("mine")
    with whole(tmp_path / "a.txt") as part:
        part.write_text("all")
    assert sorted(os.listdir(tmp_path)) == sorted(["a.txt", *others])


def test_two_writers_of_one_file_leave_the_whole_of_the_last(tmp_path):
    path = tmp_path / "a.txt"
    with whole(path) as first, first.open("w") as file:
        file.write("first " * 1000)
        with whole(path) as second:
            second.write_text("second " * 10)
        assert path.read_text() == "second " * 10
        file.write("first " * 1000)
    assert path.read_text() == "first " * 2000
    assert os.listdir(tmp_path) == ["a.txt"]


WRITER = """
import sys
from pathlib import Path
from lopsided.files.whole import whole
with whole(Path(sys.argv[1])) as part:
    part.write_text("of another process")
    print("writing", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other_writer(tmp_path):
    """Another process that is writing the file."""
    line = [sys.executable, "-c", WRITER, str(tmp_path / "a.txt")]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "writing\n"
        yield process
        process.kill()


def test_the_part_of_another_process_stays_as_long_as_it_lives_and_no_longer(tmp_path, other_writer):
    path = tmp_path / "a.txt"
    with whole(path) as part:
        part.write_text("ours")
    assert len(os.listdir(tmp_path)) == 2
    other_writer.communicate()
    assert path.read_text() == "of another process"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_the_part_of_a_killed_process_is_removed_by_the_next_writer(tmp_path, other_writer):
    other_writer.kill()
    other_writer.wait()
    with whole(tmp_path / "a.txt") as part:
        part.write_text("ours")
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_forked_process_that_outlives_the_writer_keeps_no_part(tmp_path):
    fork = (
        "import os, time; out, into = os.pipe(); os.fork() or (os.write(into, b'1'), time.sleep(60)); os.read(out, 1)"
    )
    line = [
        sys.executable,
        "-c",
        WRITER.replace('print("writing"', f'{fork}; print("writing"'),
        str(tmp_path / "a.txt"),
    ]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, process_group=0) as process:
        assert process.stdout.readline() == "writing\n"
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        with whole(tmp_path / "a.txt") as part:
            part.write_text("ours")
        os.killpg(process.pid, signal.SIGKILL)
    assert os.listdir(tmp_path) == ["a.txt"]


def test_two_folders_for_one_file_are_two_and_go_away(tmp_path):
    for name in (".a.onnx.part", ".a.onnx.77-0123abcd.part"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "half").write_text("of a killed process")
    with folder_for(tmp_path / "a.onnx") as first, folder_for(tmp_path / "a.onnx") as second:
        (first / "a.onnx").write_text("first")
        assert sorted(os.listdir(tmp_path)) == sorted([first.name, second.name])
        assert os.listdir(second) == []
    assert os.listdir(tmp_path) == []


def test_the_longest_name_that_a_file_may_have_can_be_written(tmp_path):
    path = tmp_path / ("가" * 85)
    with whole(path) as part:
        part.write_text("all")
    assert os.listdir(tmp_path) == [path.name]


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
