"""``kill -9`` at any moment: every file is whole or absent, and the same line goes on to the same end."""

import signal

import pytest

from tests.faults.cutting import cut_until


def at_a_random_moment(random, alone):
    return {"after": random.uniform(0, alone.seconds), "signal": signal.SIGKILL}


def before_a_random_change_of_files(random, alone):
    return {"at": random.randint(1, alone.operations)}


def is_killed(ended, folder):
    assert ended.code == -signal.SIGKILL, ended.error


BOTH = pytest.mark.parametrize("fault", [at_a_random_moment, before_a_random_change_of_files])


@BOTH
def test_a_verb_that_is_killed_leaves_whole_files_and_comes_to_the_same_end(start, line, alone, tmp_path, fault):
    assert cut_until(start, line, alone, tmp_path / "cut", wanted=2, fault=fault, check=is_killed) == 0


@pytest.mark.on_demand
@BOTH
def test_a_verb_that_is_killed_often_leaves_whole_files_and_comes_to_the_same_end(start, line, alone, tmp_path, fault):
    assert cut_until(start, line, alone, tmp_path / "cut", wanted=25, fault=fault, check=is_killed) == 0


@pytest.mark.on_demand
@pytest.mark.parametrize("line", ["images"], indirect=True)
def test_training_on_images_in_many_processes_comes_to_the_same_end_too(start, line, alone, tmp_path):
    assert cut_until(start, line, alone, tmp_path / "cut", wanted=25, fault=at_a_random_moment, check=is_killed) == 0
