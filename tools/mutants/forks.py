"""Runs tests against a copy of the repository, each time in a fork of a process that has loaded the libraries.

    python -m tools.mutants.forks LIBRARIES < jobs > answers         # a fork imports what is tested
    python -m tools.mutants.forks LIBRARIES TESTS < jobs > answers   # tests are imported: a fork patches one function

A job is a line of JSON, and so is its answer. The copy's sources come before the installed ones on ``PYTHONPATH``, for
processes that tests start too; the working tree is never touched.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import IO, Any

from tools.mutants.patch import patch

ROOT = Path(__file__).parents[2]
NO_EDITABLE = """
import sys
sys.meta_path[:] = [finder for finder in sys.meta_path if not type(finder).__name__.startswith("ScikitBuild")]
"""
LIBRARIES = [
    *("pytest", "hypothesis", "xdist", "torch", "torch._dynamo", "torch.utils.tensorboard", "pytorch_lightning"),
    *("scipy.sparse", "sklearn.metrics", "pyarrow.parquet", "jsonargparse", "matplotlib.pyplot", "optuna", "PIL.Image"),
]
"""What takes seconds to import; the rest is learnt from the tests."""
MEMORY = 12 * 2**30
"""Bytes of address space that a fork may take: a mutant may ask for any size."""


class Copy:
    """A copy of the working tree in a temporary folder, and a process that runs tests in it."""

    def __init__(self, libraries: list[str] = LIBRARIES) -> None:
        self.libraries = libraries
        self.folder = Path(tempfile.mkdtemp(prefix="mutants-"))
        listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        files = subprocess.run(listed, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
        for name in filter(None, files):
            if (ROOT / name).is_file():
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, self.folder / name)
        for place in map(Path, sys.path):  # the compiled modules lie in site-packages
            for module in place.glob("lopsided/**/*.so"):
                target = self.folder / "src" / module.relative_to(place)
                if target.parent.is_dir():  # an older installation may have left one where nothing is any more
                    shutil.copyfile(module, target)
        site = self.folder / "site-of-mutants"
        site.mkdir()
        (site / "sitecustomize.py").write_text(NO_EDITABLE)
        paths = os.pathsep.join([str(site), str(self.folder / "src"), str(self.folder)])
        self.environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
        self.processes: dict[tuple[str, ...], subprocess.Popen[str]] = {}

    def ask(self, *warm: str, **job: Any) -> dict[str, Any]:
        """What :func:`run` says of a job, or a process that has imported the files ``warm`` of tests."""
        if warm not in self.processes:
            line = [sys.executable, "-m", "tools.mutants.forks", ",".join(self.libraries), *warm]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
            self.processes[warm] = subprocess.Popen(line, cwd=self.folder, env=self.environment, **pipes)
        process = self.processes[warm]
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(job) + "\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    def with_text(self, file: str, text: str, **job: Any) -> dict[str, Any]:
        """The same, with another text in the place of one file."""
        path = self.folder / file
        before = path.read_text(encoding="utf-8")
        # Its time and size may be those of the text before: Python would take the compiled form of that.
        compiled = Path(importlib.util.cache_from_source(str(path)))
        try:
            path.write_text(text, encoding="utf-8")
            compiled.unlink(missing_ok=True)
            return self.ask(**job)
        finally:
            path.write_text(before, encoding="utf-8")
            compiled.unlink(missing_ok=True)

    def close(self) -> None:
        """End the process and remove the copy."""
        for process in self.processes.values():
            process.kill()
            process.communicate()
        shutil.rmtree(self.folder, ignore_errors=True)


class Watch:
    """A plugin of pytest: which tests run, in which order, how long each took, what it called, and what failed."""

    def __init__(self, only: list[str] | None) -> None:
        self.only = None if only is None else {name: k for k, name in enumerate(only)}
        self.items: dict[str, tuple[float, list[str]]] = {}
        self.called: set[str] = set()
        self.failed = ""
        self.src = str(Path.cwd() / "src") + os.sep

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Keep the tests that are asked for, in the order that is asked for."""
        if (only := self.only) is not None:
            items[:] = sorted((item for item in items if item.nodeid in only), key=lambda item: only[item.nodeid])

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Begin to watch."""
        self.begin, self.called = time.perf_counter(), set()
        if self.only is None:
            sys.setprofile(self._profile)
            threading.setprofile(self._profile)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """End it."""
        sys.setprofile(None)
        self.items[nodeid] = time.perf_counter() - self.begin, sorted(self.called)

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Note the first failure."""
        if report.failed:
            self.failed = self.failed or report.nodeid

    def _profile(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(self.src):
            parts = frame.f_code.co_qualname.split(".")
            name = ".".join(part for part in parts if not part.startswith("<"))
            self.called.add(f"src/{frame.f_code.co_filename[len(self.src) :]}::{name or '<module>'}")


class Loop(Watch):
    """A plugin of pytest: in the place of running its tests, a fork for each job runs those that the job asks for."""

    def __init__(self, jobs: IO[str], answers: IO[str]) -> None:
        super().__init__([])
        self.jobs, self.answers = jobs, answers

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Keep all tests."""

    def pytest_runtestloop(self, session: Any) -> bool:
        """Answer jobs: ``file``, ``function`` and ``text`` of the mutant, the tests ``only``, and ``limit``."""
        items = {item.nodeid: item for item in session.items}
        for line in self.jobs:
            job = json.loads(line)
            chosen = [items[name] for name in job["only"] if name in items]
            said = in_fork(lambda answer, job=job, chosen=chosen: self._test(answer, job, chosen), limit=job["limit"])
            self.answers.write(json.dumps(said) + "\n")
            self.answers.flush()
        return True

    def _test(self, answer: Path, job: dict[str, Any], chosen: list[Any]) -> int:
        patched = patch(Path(job["file"]).absolute(), job["function"], job["text"])
        for item, following in zip(chosen, [*chosen[1:], None], strict=True) if patched else ():
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if self.failed:
                break
        _write(answer, {"failed": self.failed, "patched": patched})
        return 1 if self.failed else 0


def in_fork(work: Callable[[Path], int], *, limit: float) -> dict[str, Any]:
    """Exit ``code`` of some work in a fork (-9 where it was killed after ``limit`` seconds), and what it wrote."""
    answer = Path("answer.json").absolute()
    answer.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setsid()
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            output = os.open(answer.with_name("output.txt"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            for number in (1, 2):
                os.dup2(output, number)
            code = work(answer)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(int(code))
    alarm = threading.Timer(limit, _kill, [child])
    alarm.start()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    alarm.cancel()
    alarm.join()
    _kill(child)  # what it may have started
    said = json.loads(answer.read_text()) if answer.exists() else {"failed": "", "items": {}}
    return {"code": status, **said}


def run(tests: list[str], *, only: list[str] | None, limit: float, modules: bool = False) -> dict[str, Any]:
    """Run tests in a fork that imports them.

    Args:
        tests: Files of tests.
        only: The tests of these files that run, in this order, until one fails; all where it is None, and each watched.
        limit: Seconds after which the fork is killed.
        modules: Also say which modules were loaded.

    Returns: pytest's exit ``code`` (-9 where it was killed), ``failed``: the first test that did, and ``items``.
    """

    def work(answer: Path) -> int:
        watch = Watch(only)
        code = _pytest([*(["-x"] if only is not None else []), *tests], watch)
        said: dict[str, Any] = {"failed": watch.failed, "items": watch.items if only is None else {}}
        _write(answer, {**said, **({"modules": list(sys.modules)} if modules else {})})
        return code

    return in_fork(work, limit=limit)


def _pytest(arguments: list[str], plugin: Watch) -> int:
    import pytest

    options = ["-n", "0", "-p", "no:cacheprovider", "--durations=0", "-m", "not slow and not on_demand"]
    options += ["--basetemp", "of-tests"]
    options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # plugins are loaded already, which is the point
    return pytest.main([*options, *arguments], plugins=[plugin])


def _write(answer: Path, said: dict[str, Any]) -> None:
    part = answer.with_suffix(".part")
    part.write_text(json.dumps(said))
    part.rename(answer)


def _kill(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def load(modules: list[str]) -> dict[str, Any]:
    """Import libraries, so that forks have them; never what is tested."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in modules:
            if not name.startswith(("lopsided", "tests", "tools", "conftest", "__")):
                with contextlib.suppress(Exception):
                    importlib.import_module(name)
    return {}


def main() -> None:
    """Answer jobs until there are no more."""
    load(sys.argv[1].split(","))
    jobs, answers = (os.fdopen(os.dup(number), mode) for number, mode in ((0, "r"), (1, "w")))
    os.dup2(os.open(os.devnull, os.O_WRONLY) if sys.argv[2:] else 2, 1)
    if tests := sys.argv[2:]:
        _pytest(tests, Loop(jobs, answers))
        return
    for line in jobs:
        job = json.loads(line)
        said = load(job["load"]) if "load" in job else run(**job)
        answers.write(json.dumps(said) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
