"""Rules about the source that a reader may rely on."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src" / "lopsided").rglob("*.py"))
PUBLIC = [
    "lopsided",
    *(f"lopsided.{name}" for name in ("losses", "asymmetry", "metrics", "data", "models", "training")),
]


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_importing_the_package_loads_torch_only():
    code = """
import sys, torch
before = set(sys.modules)
import lopsided
new = {name.partition(".")[0] for name in set(sys.modules) - before}
print(" ".join(sorted(new - set(sys.stdlib_module_names))))
"""
    assert set(run(code).split()) <= {"lopsided", "torch"}


def test_importing_the_package_does_nothing_but_define():
    code = """
import random, warnings, torch
states = random.getstate(), torch.get_rng_state(), torch.get_num_threads(), torch.is_grad_enabled()
warnings.simplefilter("error")
filters = list(warnings.filters)
import lopsided
assert states[0] == random.getstate() and torch.equal(states[1], torch.get_rng_state())
assert states[2:] == (torch.get_num_threads(), torch.is_grad_enabled())
assert filters == warnings.filters
"""
    assert run(code) == ""


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_stays_readable_in_one_sitting(path):
    lines = path.read_text().splitlines()
    assert len(lines) < 400
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            length = body[-1].end_lineno - body[0].lineno + 1 if body else 0
            assert length <= 45, f"{node.name} has {length} lines"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_says_what_it_is_for(path):
    assert ast.get_docstring(ast.parse(path.read_text()))


def test_there_is_no_place_for_things_without_a_place():
    names = {part for path in SOURCES for part in path.relative_to(ROOT).with_suffix("").parts}
    assert not names & {"utils", "util", "common", "helpers", "misc", "core"}


@pytest.mark.parametrize("name", PUBLIC)
def test_what_is_listed_as_public_is_there_and_sorted(name):
    code = (
        f"import {name} as m; print(all(hasattr(m, n) for n in m.__all__), list(m.__all__) == sorted(set(m.__all__)))"
    )
    assert run(code).strip() == "True True"


def test_the_losses_and_the_asymmetry_are_documented_with_an_example_and_a_source():
    from lopsided import asymmetry, losses

    for module in (losses, asymmetry):
        for name in module.__all__:
            thing = getattr(module, name)
            if callable(thing) and not hasattr(thing, "_fields"):
                assert ">>>" in thing.__doc__, name
    for name in (
        "asymmetric_loss",
        "focal_loss",
        "binary_cross_entropy",
        "asymmetric_gradient",
        "softmax_asymmetric_loss",
    ):
        assert re.search(r"Source: .*ICCV", getattr(losses, name).__doc__), name
