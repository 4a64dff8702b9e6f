"""Changes the sources in small ways and says which changes no test notices.

    make mutants                                                            # all of them: many hours
    .venv/bin/python -m tools.mutants --sample 200 --seed 1                 # 200 of them
    .venv/bin/python -m tools.mutants --only src/lopsided/metrics           # those of a folder or file
    .venv/bin/python -m tools.mutants --only src/lopsided/metrics --again   # after new tests: the survivors only

A mutant of ``src/lopsided/A/x.py`` meets the tests in ``tests/A`` that call the changed function, the quickest first,
those of ``test_x.py``, and the examples in docstrings, as many as ``--seconds`` allows; which test calls what is found
by watching each test once, which also says how long it takes. A mutant that reaches its time limit counts as killed,
and the report says how many did. Results are kept in ``.mutants_cache/``: a run that was cut goes on, and a mutant is
tried again when its file changes. Survivors that change nothing are listed, with the reason, in
``tools/mutants/equivalent.toml``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import signal
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tools.mutants.forks import ROOT, Copy
from tools.mutants.kinds import Mutant, mutants_of, optional_parameters

PACKAGE = ROOT / "src" / "lopsided"
CACHE = ROOT / ".mutants_cache"
FOLDERS = ("losses", "asymmetry", "metrics", "data")
DECISIONS = ("task", "scoring", "evaluate", "calibrate", "calibrators", "thresholds", "audit")
"""Files that decide something, in the folders of HOLD_DECISIONS."""
HOLD_DECISIONS = ("training", "runs", "inference")
ON_A_GPU = ("triton_kernel.py", "triton_source.py")
"""Files that are left out: they run on a GPU, or in an interpreter that takes minutes."""
MORE_TESTS = {
    "losses": ("asymmetry",),
    "training": ("cli",),
    "runs": ("training", "cli"),
    "inference": ("training", "runs", "cli"),
}
"""Folders of tests beside the one with the name of the package."""
ALWAYS = "tests/architecture/test_public_surface.py"
"""Reads the signatures of all that is public, and so notices a changed default without a call."""
NO_END = "no end"
"""The verdict on a mutant that reached its time limit, which counts as killed."""
PLANTED = '\nraise RuntimeError("planted")\n'


def sources(only: Iterable[str]) -> list[str]:
    """Files to change, from the root of the repository."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        name, package = str(path.relative_to(ROOT)), path.relative_to(PACKAGE).parts[0]
        if package in FOLDERS or (package in HOLD_DECISIONS and path.stem in DECISIONS):
            found.append(name)
    only = [part.rstrip("/") for part in only]
    return [name for name in found if not only or any(name == part or name.startswith(part + "/") for part in only)]


def test_files(root: Path, source: str) -> list[str]:
    """Files below a root that hold the tests of a source: those of its package, and its examples."""
    package, files = Path(source).parts[2], [ALWAYS]
    for folder in (package, *MORE_TESTS.get(package, ())):
        files += sorted(str(path.relative_to(root)) for path in (root / "tests" / folder).rglob("test_*.py"))
    # Examples come last, as in the suite: pytest makes their modules attributes of their package, in the place of
    # functions of the same name.
    return [*files, source] if ">>>" in (root / source).read_text(encoding="utf-8") else files


class Records:
    """What each test called, and how long it took, watched once for each text of a file of tests."""

    def __init__(self, copy: Copy, seconds: float) -> None:
        self.copy, self.seconds, self.file = copy, seconds, CACHE / "tests.json"
        self.kept: dict[str, Any] = json.loads(self.file.read_text()) if self.file.exists() else {}

    def watch(self, files: Iterable[str]) -> None:
        """Run the tests of these files that have changed since they were watched."""
        files = sorted(set(files))
        self._load(files)
        for file in files:
            digest = _digest((self.copy.folder / file).read_text(encoding="utf-8"))
            if self.kept.get(file, {}).get("digest") != digest:
                print(f"watching {file}", flush=True)
                said = self.copy.ask(tests=[file], only=None, limit=1800, modules=True)
                if said["code"] not in (0, 5):
                    print(f"  left out, it does not pass without a mutant: {said['failed'] or said['code']}")
                    said["items"] = {}
                self.kept[file] = {"digest": digest, "items": said["items"], "modules": said.get("modules", [])}
                self.file.write_text(json.dumps(self.kept))
        self._load(files)

    def _load(self, files: list[str]) -> None:
        self.copy.ask(load=sorted({name for file in files for name in self.kept.get(file, {}).get("modules", [])}))

    def tests_of(self, mutant: Mutant, files: list[str]) -> tuple[list[str], float]:
        """Tests that a mutant meets, the quickest first, and their seconds."""
        called = f"{mutant.file}::{mutant.function}"
        own = f"test_{Path(mutant.file).stem}.py"
        chosen = {}
        for file in files:
            for test, (seconds, calls) in self.kept[file]["items"].items():
                anywhere = mutant.function == "<module>" and any(call.startswith(mutant.file) for call in calls)
                if anywhere or called in calls or Path(file).name == own or file == ALWAYS:
                    chosen[test] = (called not in calls, seconds)
        tests, total = [], 0.0
        for test in sorted(chosen, key=lambda name: chosen[name]):
            if total + chosen[test][1] <= self.seconds or test.startswith(ALWAYS):
                tests.append(test)
                total += chosen[test][1]
        return tests, total


class Results:
    """Verdicts so far, by the mutant's name and the text of its file."""

    def __init__(self) -> None:
        self.file = CACHE / "results.jsonl"
        self.kept: dict[tuple[str, ...], str] = {}
        if self.file.exists():
            for line in self.file.read_text(encoding="utf-8").splitlines():
                *name, verdict = json.loads(line)
                self.kept[tuple(name)] = verdict

    def get(self, mutant: Mutant, digest: str) -> str | None:
        """``"survived"``, or what killed it, or None where it was not tried."""
        return self.kept.get((*mutant.name, digest))

    def put(self, mutant: Mutant, digest: str, verdict: str) -> None:
        """Keep a verdict."""
        self.kept[*mutant.name, digest] = verdict
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps([*mutant.name, digest, verdict]) + "\n")


def try_all(mutants: list[Mutant], results: Results, digests: dict[str, str], again: bool, seconds: float) -> None:
    """Run every mutant that has no verdict and is not known to change nothing, file by file."""
    known = equivalent_ones()
    verdicts = ((mutant, results.get(mutant, digests[mutant.file])) for mutant in mutants if mutant.name not in known)
    left = [mutant for mutant, verdict in verdicts if verdict is None or (again and verdict == "survived")]
    if not left:
        return
    copy = Copy()
    try:
        records = Records(copy, seconds)
        records.watch(file for source in {mutant.file for mutant in left} for file in test_files(copy.folder, source))
        for source in sorted({mutant.file for mutant in left}):
            of_file = [mutant for mutant in left if mutant.file == source]
            print(f"{source}: {len(of_file)} mutants", flush=True)
            _check(copy, records, source)
            for mutant in of_file:
                verdict = _verdict(copy, records, mutant)
                results.put(mutant, digests[source], verdict)
                if verdict == "survived":
                    print(f"  survived  {mutant.function}: {mutant.line}\n        ->  {mutant.becomes}", flush=True)
    finally:
        copy.close()


def _check(copy: Copy, records: Records, source: str) -> None:
    """Stop unless the tests of a file pass as it is, and fail with an error planted in it."""
    text = (copy.folder / source).read_text(encoding="utf-8")
    for planted in (text, text + PLANTED):
        verdict = _verdict(copy, records, Mutant(source, "<module>", "", "", planted))
        if (verdict == "survived") != (planted is text):
            sys.exit(f"{source}: expected {'passing' if planted is text else 'failing'} tests, got {verdict}")


def _verdict(copy: Copy, records: Records, mutant: Mutant) -> str:
    files = test_files(copy.folder, mutant.file)
    tests, seconds = records.tests_of(mutant, files)
    if not tests:
        return "survived"
    job = {"only": tests, "limit": 60 + 10 * seconds}
    said: dict[str, Any] = {"patched": False}
    if mutant.function != "<module>":  # most change one function, and need no new imports
        said = copy.ask(*files, file=mutant.file, function=mutant.function, text=mutant.text, **job)
    if not said.get("patched", True):
        chosen = [file for file in files if any(test in records.kept[file]["items"] for test in tests)]
        said = copy.with_text(mutant.file, mutant.text, tests=chosen, **job)
    if said["code"] != 0:
        return said["failed"] or (NO_END if said["code"] == -9 else f"exit code {said['code']}")
    return "survived"


def report(mutants: list[Mutant], results: Results, digests: dict[str, str], seconds: float) -> None:
    """Print the survivors, and how many of those that were tried were killed, by package."""
    known, counts = equivalent_ones(), Counter[tuple[str, str]]()
    for mutant in mutants:
        verdict = results.get(mutant, digests[mutant.file])
        if verdict is None and mutant.name not in known:
            continue
        kind = "equivalent" if mutant.name in known else "survived" if verdict == "survived" else "killed"
        for package in (Path(mutant.file).parts[2], "all"):
            counts.update([(package, kind), *([(package, NO_END)] if verdict == NO_END else [])])
        if kind == "survived":
            print(f"{mutant.file}: {mutant.function}\n  - {mutant.line}\n  + {mutant.becomes}")
    for package in sorted({package for package, _ in counts}, key=lambda name: (name == "all", name)):
        killed, survived = counts[package, "killed"], counts[package, "survived"]
        share = 100 * killed / max(killed + survived, 1)
        print(
            f"{package:12} {killed:5} killed ({counts[package, NO_END]} by the time limit), {survived:4} survived, "
            f"{counts[package, 'equivalent']:4} equivalent: {share:.1f} % of those that change anything, "
            f"by tests of {seconds:g} seconds"
        )


def equivalent_ones() -> dict[tuple[str, ...], str]:
    """Names of mutants that change nothing, with the reason."""
    text = (Path(__file__).parent / "equivalent.toml").read_text(encoding="utf-8")
    listed = tomllib.loads(text).get("equivalent", [])
    return {(Path(one["file"]).name, one["function"], one["line"], one["becomes"]): one["reason"] for one in listed}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def main() -> None:
    """Try mutants and report."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--only", nargs="+", default=[], metavar="PATH", help="folders or files under src/lopsided")
    parser.add_argument("--sample", type=int, metavar="N", help="try N of them, drawn at random")
    parser.add_argument("--seed", type=int, default=0, help="of the drawing")
    parser.add_argument("--seconds", type=float, default=12.0, metavar="S",
                        help="of tests for each, the quickest first (default 12; decisions need 60)")  # fmt: skip
    parser.add_argument("--again", action="store_true", help="try the survivors once more")
    parser.add_argument("--report", action="store_true", help="try none: say what was found so far")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the copy is removed
    CACHE.mkdir(exist_ok=True)
    names = sources(arguments.only)
    if not names:
        sys.exit(f"expected files among the mutated ones, got {' '.join(arguments.only)}")
    texts = {name: (ROOT / name).read_text(encoding="utf-8") for name in names}
    optional = optional_parameters(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    mutants = [mutant for name, text in texts.items() for mutant in mutants_of(name, text, optional)]
    if arguments.sample is not None:
        mutants = sorted(random.Random(arguments.seed).sample(mutants, min(arguments.sample, len(mutants))),
                         key=lambda mutant: mutant.file)  # fmt: skip
    mutants = [mutant for mutant in mutants if mutant.is_python() and Path(mutant.file).name not in ON_A_GPU]
    results, digests = Results(), {name: _digest(text) for name, text in texts.items()}
    if not arguments.report:
        try_all(mutants, results, digests, arguments.again, arguments.seconds)
    report(mutants, results, digests, arguments.seconds)


if __name__ == "__main__":
    main()
