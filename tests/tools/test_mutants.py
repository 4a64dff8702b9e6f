import json
import textwrap
from pathlib import Path

import pytest

from tools.mutants import __main__ as mutants
from tools.mutants.forks import ROOT, Copy
from tools.mutants.kinds import Mutant, mutants_of, optional_parameters

OPTIONAL = {"mask": ("None",), "detach": ("False", "True")}


def changes(source):
    """Each mutant's function and changed line."""
    found = mutants_of("src/x.py", textwrap.dedent(source), OPTIONAL)
    assert all(mutant.is_python() for mutant in found)
    return {(mutant.function, mutant.becomes) for mutant in found}


def lines(statement):
    """What becomes of one statement."""
    found = {becomes for _, becomes in changes(statement)}
    assert statement not in found
    return found


@pytest.mark.parametrize(
    ("statement", "wanted"),
    [
        ("a = b < c", {"a = b <= c"}),
        ("a = b is not c", {"a = b is c"}),
        ("a = (b) + (c)", {"a = (b) - (c)"}),
        ("a = b and c", {"a = b or c", "a = True and c", "a = b and True"}),
        ("a = not b", {"a = (b)"}),
        ("a = 1", {"a = 0", "a = 2"}),
        ("a = 0.25", {"a = 0.5"}),
        ("a = True", {"a = False"}),
        ("a.b = c", {"pass"}),
        ("a += b", {"pass", "a -= b"}),
        ("check(a)", {"pass"}),
        ("a = b if c else d", {"a = b if True else d", "a = b if False else d"}),
        ("a = [b for b in c if d]", {"a = [b for b in c if True]"}),
        ("a = f(b, mask=mask)", {"a = f(b, )", "a = f(b, mask=None)"}),
        ("a = f(self.detach)", {"a = f(False)", "a = f(True)"}),
        ("a = b.clamp(c)", {"a = b"}),
        ("a = b.max()", {"a = b.min()"}),
        ("a = torch.where(b, c, d)", {"a = torch.where(b, d, c)"}),
        ("a = np.sort(b)", {"a = (b)"}),
        ('a = b == "c"', {'a = b != "c"', 'a = b == "another"'}),
    ],
)
def test_a_statement_is_changed_in_each_way_that_a_slip_might_change_it(statement, wanted):
    assert lines(statement) == wanted


def test_a_mutant_names_its_function_and_leaves_messages_annotations_and_docstrings_alone():
    found = changes('''
        """1 and 2."""
        class A:
            @decorator(1)
            def f(self, b: Literal[1] = 3) -> Array[4]:
                """5."""
                if b:
                    raise ValueError(f"got {b + 1}" + str(6))
                def g():
                    return "7" + h
    ''')
    assert found == {
        ("A.f", "def f(self, b: Literal[1] = 4) -> Array[4]:"),
        ("A.f", "if True:"),
        ("A.f", "if False:"),
        ("A.f", "pass"),
        ("A.f.g", 'return "7" - h'),
    }


def test_an_assignment_is_left_out_only_where_its_name_has_a_value_already():
    assert changes("def f(a):\n    a = g(a)\n    b = h(a)\n    b = b\n    return b") == {("f", "pass")}
    assert len(mutants_of("x.py", "def f(a):\n    a = g(a)\n    b = h(a)\n    b = b\n    return b", {})) == 2


def test_a_forgotten_argument_has_the_value_of_one():
    source = "def f(a: int, *, mask: Tensor | None, detach: bool = False, name: str = ''): pass"
    assert optional_parameters([source]) == OPTIONAL


def test_text_beyond_ascii_is_cut_at_the_right_places():
    assert lines('a = "γ₋" + b < c') == {'a = "γ₋" - b < c', 'a = "γ₋" + b <= c'}


def test_sources_are_chosen_by_folder_and_decisions_by_name():
    everything = mutants.sources([])
    assert {"src/lopsided/losses/formula.py", "src/lopsided/data/labels.py"} <= set(everything)
    assert {Path(name).stem for name in everything} >= set(mutants.DECISIONS)
    assert not [name for name in everything if name.startswith(("src/lopsided/cli", "src/lopsided/reports"))]
    assert mutants.sources(["src/lopsided/losses/"]) == [name for name in everything if "/losses/" in name]


@pytest.mark.parametrize(("seconds", "met"), [(12, ["quick", "slow"]), (5, ["quick"])])
def test_a_mutant_meets_the_quickest_tests_that_call_it_within_the_seconds(monkeypatch, tmp_path, seconds, met):
    monkeypatch.setattr(mutants, "CACHE", tmp_path)
    source = "src/lopsided/metrics/x.py"
    items = {"slow": (5.0, [f"{source}::f"]), "quick": (1.0, [f"{source}::f"]), "other": (0.1, [f"{source}::g"])}
    (tmp_path / "tests.json").write_text(json.dumps({"test_y.py": {"items": items}}))
    assert mutants.Records(None, seconds).tests_of(Mutant(source, "f", "", "", ""), ["test_y.py"])[0] == met


def test_a_report_counts_those_that_reached_their_time_limit(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(mutants, "CACHE", tmp_path)
    results, source = mutants.Results(), "src/lopsided/metrics/x.py"
    tried = [Mutant(source, "f", "a < b", becomes, "") for becomes in ("a <= b", "True", "a > b", "not tried")]
    for mutant, verdict in zip(tried, ("test_y.py::quick", mutants.NO_END, "survived"), strict=False):
        results.put(mutant, "digest", verdict)
    mutants.report(tried, mutants.Results(), {source: "digest"}, 60.0)
    *_, of_metrics, of_all = capsys.readouterr().out.splitlines()
    assert of_metrics.split(maxsplit=1)[1] == of_all.split(maxsplit=1)[1]
    assert "2 killed (1 by the time limit),    1 survived,    0 equivalent: 66.7 % of those" in of_all
    assert of_all.endswith("by tests of 60 seconds")


def test_every_equivalent_mutant_says_why_and_is_of_a_file_that_is_there():
    files = {path.name for path in (ROOT / "src").rglob("*.py")}
    for (file, *_), reason in mutants.equivalent_ones().items():
        assert reason
        assert file in files


@pytest.mark.slow
@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="copies what git lists")
def test_a_copy_runs_what_is_written_into_it_and_the_working_tree_stays_as_it_is():
    source, test = "src/lopsided/losses/reduction.py", "tests/losses/test_reduction.py"
    text = (ROOT / source).read_text(encoding="utf-8")
    copy = Copy(["torch", "pytest"])
    try:
        watched = copy.ask(tests=[test], only=None, limit=300)
        names = [name for name in watched["items"] if "divides" in name]
        plain = copy.with_text(source, text, tests=[test], only=names, limit=300)
        changed = text.replace("losses.sum()", "losses.mean()")
        broken = copy.with_text(source, changed, tests=[test], only=names, limit=300)
        patched = copy.ask(test, file=source, function="reduce", text=changed, only=names, limit=300)
        other = copy.ask(test, file=source, function="divisor", text=changed, only=names, limit=300)
        endless = copy.with_text(source, text + "\nwhile True: pass\n", tests=[test], only=names, limit=5)
    finally:
        copy.close()
    assert f"{source}::divisor" in watched["items"][names[0]][1]
    assert (plain["code"], plain["failed"]) == (0, "")
    assert (broken["code"], broken["failed"]) == (1, names[0])
    assert patched == {"code": 1, "failed": names[0], "patched": True}
    assert not other["patched"]  # the text differs in another function
    assert endless["code"] == -9
    assert (ROOT / source).read_text(encoding="utf-8") == text
    assert not copy.folder.exists()
