"""``kill -9`` at any moment: every file is whole or absent, and the same line goes on to the same end."""

import signal

import pytest

from tests.faults.cutting import cut_until
from tests.faults.files import assert_whole, contents, parts


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


@BOTH
@pytest.mark.parametrize("line", ["texts"], indirect=True)
def test_training_on_texts_comes_to_the_same_end_too(start, line, alone, tmp_path, fault):
    assert cut_until(start, line, alone, tmp_path / "cut", wanted=2, fault=fault, check=is_killed) == 0


@pytest.mark.parametrize("line", ["texts"], indirect=True)
def test_training_that_is_killed_while_the_words_are_being_written_comes_to_the_same_end(start, line, alone, tmp_path):
    killed_in = []
    for at in range(1, alone.operations):
        folder = tmp_path / str(at)
        folder.mkdir()
        assert start(line(folder), folder=str(folder), at=at).code == -signal.SIGKILL
        assert_whole(folder)
        if (folder / "config.yaml").exists():  # the preparation is written just before it
            break
        found = {str(path.relative_to(folder)) for path in folder.rglob("*") if "preparation" in path.parts[-1]}
        killed_in.append(frozenset(found))
        assert start(line(folder)).code == 0
        assert contents(folder) == alone.contents
        assert not parts(folder)
    half = {"preparation.part", "preparation.part/preparation.json"}
    assert frozenset() in killed_in
    assert half in killed_in
    assert {"preparation", "preparation/preparation.json"} in killed_in


@pytest.mark.on_demand
@BOTH
def test_a_verb_that_is_killed_often_leaves_whole_files_and_comes_to_the_same_end(start, line, alone, tmp_path, fault):
    assert cut_until(start, line, alone, tmp_path / "cut", wanted=25, fault=fault, check=is_killed) == 0


@pytest.mark.on_demand
@pytest.mark.parametrize("line", ["images", "texts"], indirect=True)
def test_training_on_images_or_texts_that_is_killed_often_comes_to_the_same_end_too(start, line, alone, tmp_path):
    assert cut_until(start, line, alone, tmp_path / "cut", wanted=25, fault=at_a_random_moment, check=is_killed) == 0
