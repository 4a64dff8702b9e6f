"""Fuzz the readers with Atheris: python -m tests.fuzz [READER...] --runs 200000. Stops at the first input that is
answered by anything but an error of ours, takes ten seconds, or two gigabytes."""

import argparse
import contextlib
import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path


def main() -> int:
    """Each reader in a process of its own, because libFuzzer ends it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("readers", nargs="*", help="which (default: all)")
    parser.add_argument("--runs", type=int, default=200_000, help="inputs for each reader")
    parser.add_argument("--seconds", type=int, default=480, help="for each reader, at most")
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)  # folder of the one reader of this process
    given = parser.parse_args()
    if given.work:
        fuzz(given.readers[0], given.work, runs=given.runs, seconds=given.seconds)
    from tests.fuzz.layout_targets import ALL_TARGETS

    bad = []
    for name in given.readers or ALL_TARGETS:
        print(f"== {name}", flush=True)
        memory = Path("/dev/shm")
        with tempfile.TemporaryDirectory(prefix="lopsided-fuzz-", dir=memory if memory.is_dir() else None) as work:
            limits = [f"--work={work}", f"--runs={given.runs}", f"--seconds={given.seconds}"]
            line = [sys.executable, "-m", "tests.fuzz", name, *limits]
            if subprocess.run(line, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"}).returncode:
                bad.append(name)
    print(f"failed: {', '.join(bad)}" if bad else "nothing but errors of ours")
    return bool(bad)


def fuzz(name: str, work: Path, *, runs: int, seconds: int) -> None:
    """Fuzz one reader; does not return."""
    import atheris

    silence = contextlib.redirect_stderr(io.StringIO())  # it would print a line for each module
    with silence, atheris.instrument_imports(include=["lopsided.data"]):
        from tests.fuzz.layout_targets import ALL_TARGETS
        from tests.fuzz.targets import attempt, lay_out
    target = ALL_TARGETS[name]
    (folder := work / "data").mkdir()
    (corpus := work / "corpus").mkdir()
    lay_out(target, folder)
    for number, seed in enumerate(target.seeds):
        (corpus / f"seed{number}").write_bytes(seed)
    words = ["".join(f"\\x{byte:02x}" for byte in word) for word in target.words if len(word) < 100]
    (work / "words").write_text("".join(f'"{word}"\n' for word in words))
    limits = ["-timeout=10", "-rss_limit_mb=2048", "-max_len=4096", f"-max_total_time={seconds}", f"-runs={runs}"]
    found = [f"-dict={work / 'words'}", f"-artifact_prefix={name}-", "-print_final_stats=1", "-verbosity=0"]
    atheris.Setup([sys.argv[0], *limits, *found, str(corpus)], lambda content: attempt(target, folder, content))
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
