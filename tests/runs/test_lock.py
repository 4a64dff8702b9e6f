"""One writer for a run folder: the second is refused and told who holds it; a killed holder holds nothing."""

import contextlib
import json
import os
import signal
import subprocess
import sys

import pytest

from lopsided.cli.main import main
from lopsided.runs.lock import NAME, writing

HOLDER = """
import os, sys, time
from pathlib import Path
from lopsided.runs.lock import writing
with writing(Path("run")):
    if "fork" in sys.argv:
        out, into = os.pipe()
        os.fork() or (os.write(into, b"1"), time.sleep(60))
        os.read(out, 1)
    print("holds", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def hold(tmp_path, monkeypatch):
    """Start another process that writes to the folder ``run``."""
    monkeypatch.chdir(tmp_path)
    started = []

    def start(*words):
        line = [sys.executable, "-c", HOLDER, *words]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        started.append(subprocess.Popen(line, process_group=0, **pipes))
        assert started[0].stdout.readline() == "holds\n"
        return started[0]

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def test_a_second_writer_is_told_who_holds_the_folder_until_that_process_ends(tmp_path, hold, capsys):
    holder = hold("--out", "runs/x")
    (tmp_path / "run" / "config.yaml").write_bytes(b"source: digits")
    for words in (["train", "digits", "--out", "run"], ["train", "digits", "--out", "run", "--resume"]):
        assert main(words) == 1
        said = capsys.readouterr().err
        assert f"run: expected no other process that writes there, got process {holder.pid} on " in said
        assert "(lopsided --out runs/x)" in said
        assert said.count("\n") == 1
    holder.communicate()
    with writing(tmp_path / "run"):
        assert json.loads((tmp_path / "run" / NAME).read_text())["process"] == os.getpid()


def test_a_killed_holder_holds_nothing_and_neither_do_its_children(tmp_path, hold):
    holder = hold("fork")
    holder.kill()
    os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)
    with writing(tmp_path / "run"):
        pass


def test_it_is_held_against_the_same_process_too_and_free_after_an_error(tmp_path):
    folder = tmp_path / "run"

    def fail():
        with writing(folder):
            with pytest.raises(ValueError, match="expected no other process that writes there"), writing(folder):
                pass
            raise RuntimeError("out of luck")

    for _ in range(2):
        with pytest.raises(RuntimeError, match="out of luck"):
            fail()


def test_a_folder_in_which_nothing_was_written_goes_away_and_another_stays(tmp_path):
    with writing(tmp_path / "run"):
        assert os.listdir(tmp_path / "run") == [NAME]
    assert os.listdir(tmp_path) == []
    with writing(tmp_path / "run"):
        (tmp_path / "run" / "metrics.csv").write_text("step\n")
    assert sorted(os.listdir(tmp_path / "run")) == ["metrics.csv", NAME]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}"])
def test_a_holder_that_did_not_sign_is_another_process(tmp_path, content):
    folder = tmp_path / "run"
    with writing(folder):
        (folder / NAME).write_bytes(content)
        with pytest.raises(ValueError, match="writes there, got another process: wait for its end"), writing(folder):
            pass
