"""Full and read-only disks, and data that is gone: one line, exit code 1, whole files, and the same line goes on."""

import os
import random
import shutil
import subprocess
import time

import pytest

from tests.faults.conftest import images_line
from tests.faults.files import assert_whole, contents, parts


class Disk:
    """A file system of its own, whose size can be changed."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        self._mount("-t", "tmpfs", "-o", "size=64m", "tmpfs", folder)

    def _mount(self, *words):
        done = subprocess.run(["mount", *words], capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"file systems cannot be mounted here: {done.stderr.strip()}")

    def resize(self, num_bytes):
        self._mount("-o", f"remount,size={num_bytes}", self.folder)

    def read_only(self, yes):
        self._mount("-o", "remount,ro" if yes else "remount,rw", self.folder)

    def used(self):
        about = os.statvfs(self.folder)
        return (about.f_blocks - about.f_bfree) * about.f_frsize


@pytest.fixture
def disk(tmp_path):
    if os.geteuid() or not shutil.which("mount"):
        pytest.skip("mounting a file system takes the rights of root")
    disk = Disk(tmp_path / "disk")
    yield disk
    subprocess.run(["umount", "-l", disk.folder], check=True)


def assert_goes_on(start, line, folder, expected):
    assert start(line(folder)).code == 0
    assert_whole(folder)
    assert not parts(folder)
    assert contents(folder) == expected


def test_on_a_full_disk_a_verb_says_so_and_goes_on_when_there_is_room(start, line, disk, alone):
    folder, random_ = disk.folder / "out", random.Random(line.verb)
    folder.mkdir()
    shutil.copytree(alone.folder, folder, dirs_exist_ok=True)
    needed, full = disk.used(), 0
    shutil.rmtree(folder)
    folder.mkdir()
    words = line(folder)
    there = disk.used()
    for share in (0.2, 0.5, 0.8):
        disk.resize(max(disk.used(), int(there + (needed - there) * (share + random_.uniform(-0.15, 0.15)))))
        ended = start(words)
        if ended.code:
            assert ended.code == 1
            assert ended.told().endswith(("No space left on device", "database or disk is full"))
            full += 1
        assert_whole(folder)
    assert full
    disk.resize(2**26)
    assert_goes_on(start, line, folder, alone.contents)


def test_a_file_that_may_not_grow_is_told_by_name(start, line, tmp_path, alone):
    folder = tmp_path / "out"
    folder.mkdir()
    words = line(folder)
    sizes = [path.stat().st_size for path in alone.folder.rglob("*") if path.is_file()]
    limited = 0
    for share in (0.02, 0.5):
        ended = start(words, largest_file=max(1024, int(max(sizes) * share)))
        if ended.code:
            assert ended.code == 1
            assert ended.told().endswith(("File too large", "disk I/O error"))
            limited += 1
        assert_whole(folder)
    assert limited
    assert_goes_on(start, line, folder, alone.contents)


def test_in_a_read_only_folder_a_verb_says_so(start, line, disk, alone):
    folder = disk.folder / "out"
    folder.mkdir()
    words = line(folder)
    disk.read_only(True)
    ended = start(words)
    assert ended.code == 1
    assert "ead-only" in ended.told() or "readonly" in ended.told()
    disk.read_only(False)
    assert_goes_on(start, line, folder, alone.contents)


def test_without_the_right_to_write_a_verb_says_so(start, line, tmp_path):
    if not os.geteuid():
        pytest.skip("root may write everywhere")
    folder = tmp_path / "out"
    folder.mkdir()
    words = line(folder)
    for path in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        path.chmod(0o555)
    ended = start(words)
    assert ended.code == 1
    assert "permission denied" in ended.told().lower()


def wait_for(path):
    """Until a file is there."""
    ends = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < ends, f"{path} was never written"
        time.sleep(0.002)


@pytest.mark.parametrize("workers", [0, 2])
def test_when_the_images_vanish_training_stops_and_goes_on_once_they_are_back(start, photos, tmp_path, workers):
    whole, run = tmp_path / "whole", tmp_path / "run"
    assert start(images_line(photos, whole, workers=workers)).code == 0
    away = photos.with_name("away")

    def take_away(_):
        wait_for(run / "checkpoints" / "last.ckpt")
        (photos / "images").rename(away)

    ended = start(images_line(photos, run, workers=workers), while_it_runs=take_away)
    assert (ended.code, ended.told()) == (
        1,
        f"error: {photos}: expected the images of the data to be there, got none, such as images/0.png",
    )
    assert_whole(run)
    away.rename(photos / "images")
    assert start(images_line(photos, run, workers=workers)).code == 0
    assert contents(run) == contents(whole)


def test_when_a_process_that_prepares_batches_dies_the_run_says_so_and_goes_on(start, photos, tmp_path):
    whole, run = tmp_path / "whole", tmp_path / "run"
    assert start(images_line(photos, whole, workers=2)).code == 0

    def kill_a_worker(process):
        wait_for(run / "checkpoints" / "last.ckpt")
        with open(f"/proc/{process}/task/{process}/children") as file:
            os.kill(int(file.read().split()[0]), 9)

    ended = start(images_line(photos, run, workers=2), while_it_runs=kill_a_worker)
    assert ended.code == 1
    assert ended.told().startswith("error: a process that prepares batches was killed")
    assert_whole(run)
    assert start(images_line(photos, run, workers=2)).code == 0
    assert contents(run) == contents(whole)
