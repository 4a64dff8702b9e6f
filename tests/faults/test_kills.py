"""``kill -9`` at any moment: every file is whole or absent, and the same line goes on to the same end."""

import random
import shutil
import signal
import time

import pytest

from tests.faults.files import assert_whole, contents, parts

KILLS_OF_A_RUN = 3


def killed_and_whole(start, line, folder, faults):
    """Start a line until it ends by itself, killed by each fault in turn; the number of kills."""
    kills = 0
    for fault in faults:
        ended = start(line(folder), folder=str(folder), **fault)
        assert_whole(folder)
        if ended.code == 0:
            return kills
        assert ended.code == -signal.SIGKILL, ended.error
        kills += 1
    assert start(line(folder)).code == 0
    return kills


def kill_until(start, line, tmp_path, wanted, *, of_operations):
    """Kill at random moments, or before random changes of files, until there were so many kills; what was lost."""
    random_ = random.Random(f"{line.verb} {of_operations}")
    whole = tmp_path / "whole"
    whole.mkdir()
    counter, started = tmp_path / "operations", time.monotonic()
    assert start(line(whole), folder=str(whole), operations_to=str(counter)).code == 0
    seconds, operations = time.monotonic() - started, int(counter.read_text())
    expected = contents(whole)
    kills = runs = different = 0
    while kills < wanted:
        folder = tmp_path / "cut"  # the same path each time
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        faults = [
            {"at": random_.randint(1, operations)}
            if of_operations
            else {"after": random_.uniform(0, seconds), "signal": signal.SIGKILL}
            for _ in range(min(KILLS_OF_A_RUN, wanted - kills))
        ]
        kills += killed_and_whole(start, line, folder, faults)
        assert_whole(folder)
        assert not parts(folder)
        found = contents(folder)
        assert found.keys() == expected.keys()
        different += found != expected
        runs += 1
    print(f"{line.verb}: {kills} kills, {runs} runs, {different} ended otherwise")
    return different


@pytest.mark.parametrize("of_operations", [False, True], ids=["at a random moment", "before a random change of files"])
def test_a_verb_that_is_killed_leaves_whole_files_and_comes_to_the_same_end(start, line, tmp_path, of_operations):
    assert kill_until(start, line, tmp_path, 2, of_operations=of_operations) == 0


@pytest.mark.on_demand
@pytest.mark.parametrize("of_operations", [False, True], ids=["at a random moment", "before a random change of files"])
def test_a_verb_that_is_killed_often_leaves_whole_files_and_comes_to_the_same_end(start, line, tmp_path, of_operations):
    assert kill_until(start, line, tmp_path, 25, of_operations=of_operations) == 0


@pytest.mark.on_demand
@pytest.mark.parametrize("line", ["images"], indirect=True)
def test_training_on_images_in_many_processes_comes_to_the_same_end_too(start, line, tmp_path):
    assert kill_until(start, line, tmp_path, 25, of_operations=False) == 0
