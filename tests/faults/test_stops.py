"""Ctrl-C, SIGTERM, and readers of the output that leave: one line at most, whole files, and the same line goes on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.faults.conftest import VERBS
from tests.faults.cutting import cut_until
from tests.faults.files import assert_whole, parts

GOES_ON = {
    "images": "stopped; the same line with --resume goes on",
    "train": "stopped; the same line with --resume goes on",
    "sweep": "stopped; the same line goes on",
    "predict": "stopped",
    "audit": "stopped; the same line goes on",
}


def ctrl_c(random, alone):
    """As a terminal sends it: to all processes of the group."""
    return {"signal": signal.SIGINT, "after": random.uniform(0.02, alone.seconds), "group": True}


def stop_until(start, line, alone, folder, *, wanted):
    def is_told(ended, folder):
        assert (ended.code, ended.told()) == (130, GOES_ON[line.verb])
        assert not parts(folder)

    return cut_until(start, line, alone, folder, wanted=wanted, fault=ctrl_c, check=is_told)


def test_ctrl_c_says_how_to_go_on_and_leaves_whole_files(start, line, alone, tmp_path):
    assert stop_until(start, line, alone, tmp_path / "cut", wanted=1) == 0


def heed_ctrl_c():
    """In a child: whoever runs the tests in the background ignores it, and children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.on_demand
@pytest.mark.parametrize("line", [*VERBS, "images"], indirect=True)
def test_ctrl_c_at_many_moments_says_how_to_go_on_and_leaves_whole_files(start, line, alone, tmp_path):
    assert stop_until(start, line, alone, tmp_path / "cut", wanted=25) == 0


def stopped_from_nothing(words, is_time):
    """A process of its own, which is stopped while it may still be importing."""
    line = [sys.executable, "-m", "lopsided", *map(str, words)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, preexec_fn=heed_ctrl_c
    )
    while not is_time(process):
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    error = process.communicate()[1]
    lines = [text for text in error.splitlines() if text and not text.startswith(("  epoch", "labels: "))]
    return process.returncode, lines


def loads_torch(process):
    assert process.poll() is None, process.stderr.read()
    return "libtorch" in Path(f"/proc/{process.pid}/maps").read_text()


def test_ctrl_c_while_libraries_are_loaded_is_one_line_too(trained):
    code, lines = stopped_from_nothing(["evaluate", trained], loads_torch)
    assert (code, lines) == (130, ["lopsided evaluate: stopped"])


INTERRUPTED = """
import os, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from lopsided.cli.main import _heed_ctrl_c
_heed_ctrl_c("sweep")
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print("raised", flush=True)
child = os.fork()
signal.raise_signal(signal.SIGINT) if not child else None
os._exit(7) if not child else print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
import outer
"""


def test_ctrl_c_is_raised_in_work_ends_imports_at_once_and_leaves_children_alone(tmp_path):
    (tmp_path / "outer.py").write_text("import signal\nsignal.raise_signal(signal.SIGINT)\nprint('went on')\n")
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, cwd=tmp_path)
    told = "lopsided sweep: stopped; the same line goes on\n"
    assert (done.returncode, done.stdout, done.stderr) == (130, "raised\n7\n", told)


@pytest.mark.on_demand
@pytest.mark.parametrize("moment", range(25))
def test_ctrl_c_at_any_moment_of_loading_is_one_line(trained, tmp_path, moment):
    end = time.monotonic() + 0.5 + moment / 5
    code, lines = stopped_from_nothing(
        ["predict", trained, "--out", tmp_path / "p.csv"], lambda _: time.monotonic() > end
    )
    assert (code, lines) in [(130, ["lopsided predict: stopped"]), (0, [])]


def test_sigterm_leaves_whole_files(start, line, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    words = line(folder)
    ended = start(words, signal=signal.SIGTERM, after=0.4)
    assert ended.code in (0, 130, -signal.SIGTERM)
    assert "Traceback" not in ended.error
    assert_whole(folder)


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_when_nobody_reads_the_output_any_more_a_verb_ends_without_a_word(start, line, tmp_path, stream):
    folder = tmp_path / "out"
    folder.mkdir()
    ended = start(line(folder), **{stream: "unread"})
    quiet = stream == "stderr" and line.verb == "predict"  # it tells of nothing there
    assert ended.code == (0 if quiet else 1)
    assert "Error" not in ended.error + ended.out
    assert_whole(folder)


@pytest.mark.parametrize("line", ["train", "predict"], indirect=True)
def test_output_that_cannot_be_written_is_told(start, line, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    ended = start(line(folder), stdout="/dev/full")
    assert ended.code == 1
    assert ended.told().endswith("No space left on device")


@pytest.mark.parametrize("closed", [">&-", "2>&-"])
def test_closed_streams_do_no_harm(closed, tmp_path):
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m lopsided train --help {closed}"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_an_open_file_never_gets_the_number_of_a_closed_stream(trained, tmp_path):
    out = tmp_path / "p.csv"
    line = f"{sys.executable} -m lopsided predict {trained} --out {out} <&- >&- 2>&-"
    assert subprocess.run(["sh", "-c", line]).returncode == 0
    assert_whole(tmp_path)
