"""Processes that share the samples of predict and evaluate write what one process writes."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from lopsided.cli.main import main
from lopsided.inference import processes
from lopsided.inference.processes import Share, started

MAIN = "import sys; from lopsided.cli.main import main; sys.exit(main())"
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


@pytest.fixture
def script(tmp_path):
    """A file, because each further process is started by running it again."""
    (tmp_path / "run.py").write_text(MAIN)
    return tmp_path / "run.py"


def lines(script, *words, launcher=()):
    return [sys.executable, *launcher, str(script), *map(str, words)]


def ended(line, *, code=0):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    found = subprocess.run(line, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert found.returncode == code, found.stderr
    return found


@pytest.fixture
def run(tmp_path, script):
    draw = np.random.default_rng(0)
    features = draw.normal(size=(400, 10))
    split = np.array(["train"] * 200 + ["val"] * 50 + ["test"] * 150)
    np.savez(tmp_path / "t.npz", features=features, labels=features[:, :4] > 1, split=split)
    further = ("--training.epochs", 1, "--training.batch_size", 16, "--training.accelerator", "cpu")
    ended(lines(script, "train", f"table:{tmp_path / 't.npz'}", *further, "--out", tmp_path / "run"))
    return tmp_path / "run"


@pytest.mark.slow
def test_two_processes_write_and_measure_what_one_does_to_the_bit(tmp_path, script, run):
    for launcher, name, further in (
        ((), "one", ()),
        ((), "two", ("--devices", 2)),
        (TORCHRUN, "three", ("--devices", 2)),
    ):
        for out in (f"{name}.csv", f"{name}-top.csv"):
            top = ("--top-k", 2) if "top" in out else ()
            line = ("predict", run, "--no-keep", "--out", tmp_path / out, *top, *further)
            assert ended(lines(script, *line, launcher=launcher)).stdout.count("wrote") == 1
        printed = ended(lines(script, "evaluate", run, "--no-keep", "--json", *further, launcher=launcher)).stdout
        (tmp_path / f"{name}.json").write_text(json.dumps(json.loads(printed), sort_keys=True))
    for other in ("two", "three"):
        for ending in (".csv", "-top.csv", ".json"):
            assert (tmp_path / (other + ending)).read_bytes() == (tmp_path / ("one" + ending)).read_bytes()


BY_LABEL = """
import sys
from lopsided.inference.by_label import blocks
from lopsided.cli.main import main
blocks.MOST_SCORES = 1
if SPOOLED:
    blocks.MOST_BYTES, blocks.last_layer = 1, lambda _: None
sys.exit(main())
"""


@pytest.mark.slow
@pytest.mark.parametrize("spooled", [False, True])
def test_what_is_computed_is_shared_where_scores_are_too_many(tmp_path, run, spooled):
    script = tmp_path / "by_label.py"
    script.write_text(BY_LABEL.replace("SPOOLED", str(spooled)))
    line = lines(script, "evaluate", run, "--no-keep", "--json")
    one, two = (ended([*line, *further]) for further in ((), ("--devices", "2")))
    assert ("go into a temporary file" if spooled else "measured some labels at a time") in one.stderr
    assert json.loads(one.stdout) == json.loads(two.stdout)


SLOW = """
import os, sys, time
from lopsided.inference import scoring
from lopsided.cli.main import main
computed = scoring.computed
def slowly(*given, **others):
    for item in computed(*given, **others):
        if os.environ.get("LOCAL_RANK", "0") == "1":
            open(sys.argv[0] + ".pid", "w").write(str(os.getpid()))
            time.sleep(100)
        yield item
scoring.computed = slowly
sys.exit(main())
"""


@pytest.mark.slow
def test_a_process_that_is_killed_ends_the_others_with_one_error_and_no_file(tmp_path, script, run):
    slow = tmp_path / "slow.py"
    slow.write_text(SLOW)
    line = lines(slow, "predict", run, "--no-keep", "--devices", 2, "--out", tmp_path / "out.csv")
    waiting = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    pid = tmp_path / "slow.py.pid"
    until = time.monotonic() + 120
    while not (pid.exists() and pid.read_text()):
        assert time.monotonic() < until
        assert waiting.poll() is None
        time.sleep(0.1)
    os.kill(int(pid.read_text()), signal.SIGKILL)
    said, error = waiting.communicate(timeout=120)
    assert (waiting.returncode, said) == (1, "")
    assert error.count("error") == 1
    assert "got one that ended before it was done; no file was written" in error
    assert not list(tmp_path.glob("out.csv*"))


FAILING = SLOW.replace("time.sleep(100)", "raise ValueError('no disk here')")


@pytest.mark.slow
def test_an_error_of_another_process_is_the_error_of_all(tmp_path, run):
    failing = tmp_path / "failing.py"
    failing.write_text(FAILING)
    found = ended(lines(failing, "evaluate", run, "--no-keep", "--devices", 2), code=1)
    assert found.stderr == "lopsided evaluate: error: process 2 of 2: no disk here\n"
    assert found.stdout == ""


def test_one_process_starts_no_other():
    with started(devices=1) as alone:
        assert alone.is_first
        assert alone.share == Share()


@pytest.mark.parametrize(
    ("devices", "machines", "said"), [(0, 1, "--devices"), (1, 0, "--machines"), (-2, 1, "got -2")]
)
def test_numbers_of_processes_below_one_are_refused(devices, machines, said):
    with pytest.raises(ValueError, match=said), started(devices=devices, machines=machines):
        pass


def test_machines_that_nothing_connects_are_refused(monkeypatch):
    monkeypatch.delenv("MASTER_ADDR", raising=False)
    with pytest.raises(ValueError, match="needs a launcher"), started(devices=1, machines=2):
        pass


def test_a_launcher_of_another_number_of_processes_is_refused(monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with (
        pytest.raises(ValueError, match="to be 2, as many processes as torchrun started, got 1 times 1"),
        started(devices=1),
    ):
        pass


@pytest.mark.parametrize(
    ("samples", "size", "count", "rounds"), [(1, 4, 2, 1), (8, 4, 2, 1), (9, 4, 2, 2), (12, 4, 1, 3)]
)
def test_the_first_process_has_a_batch_in_every_round(samples, size, count, rounds):
    assert processes._rounds(samples, size, count) == rounds


@pytest.mark.parametrize("verb", ["predict", "evaluate"])
def test_a_folder_that_is_no_run_is_refused_before_processes_start(verb, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("lopsided.inference.processes.started", lambda **_: pytest.fail("processes were started"))
    assert main([verb, str(tmp_path / "none"), "--devices", "8"]) == 1
    assert "to be the folder of a run, got one without config.yaml" in capsys.readouterr().err
