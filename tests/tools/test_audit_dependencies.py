import pytest

from tools import audit_dependencies
from tools.audit_dependencies import audit, pinned, pip_audit

FLAW = {"id": "CVE-2026-1", "fix_versions": ["3.0"], "aliases": [], "description": ""}


@pytest.fixture
def constraints(tmp_path):
    path = tmp_path / "constraints.txt"
    path.write_text("# pinned\nalpha==1.0\nbeta==2.0  # why\n")
    return path


class Service:
    """Answers for versions as pip-audit does."""

    def __init__(self, flaws=(), unknown=()):
        self.flaws, self.unknown, self.asked = dict(flaws), unknown, []

    def __call__(self, versions):
        self.asked += versions
        found = []
        for name, _, version in (text.partition("==") for text in versions):
            skipped = {"name": name, "skip_reason": "not found"}
            answer = {"name": name, "version": version, "vulns": self.flaws.get(name, [])}
            found.append(skipped if name in self.unknown else answer)
        return found


def test_versions_without_a_known_flaw_are_asked_for_once_a_day(tmp_path, constraints):
    service = Service()
    code, lines = audit(constraints, tmp_path / "cache", ask=service)
    assert (code, lines) == (0, ["audit: no vulnerability known in 2 versions of constraints.txt"])
    assert service.asked == ["alpha==1.0", "beta==2.0"]
    assert audit(constraints, tmp_path / "cache", ask=service)[0] == 0
    assert service.asked == ["alpha==1.0", "beta==2.0"]
    constraints.write_text("alpha==1.1\n")
    audit(constraints, tmp_path / "cache", ask=service)
    assert service.asked[2:] == ["alpha==1.1"]
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_a_vulnerable_version_is_named_every_time(tmp_path, constraints):
    service = Service(flaws={"beta": [FLAW]})
    for _ in range(2):
        code, lines = audit(constraints, tmp_path / "cache", ask=service)
        assert code == 1
        assert lines[0] == "beta 2.0: CVE-2026-1, mended in 3.0"


def test_without_a_service_the_check_says_so_in_one_line_and_goes_on(tmp_path, constraints):
    def silent(versions):
        raise ConnectionError("no route")

    code, lines = audit(constraints, tmp_path / "cache", ask=silent)
    assert (code, len(lines)) == (0, 1)
    assert "cannot be reached from here: no route" in lines[0]


def test_a_service_that_knows_nothing_has_not_found_everything_in_order(tmp_path, constraints):
    service = Service(unknown=("alpha", "beta"))
    code, lines = audit(constraints, tmp_path / "cache", ask=service)
    assert (code, lines) == (0, ["audit: not done, the service that is reached from here does not know alpha==1.0"])
    assert service.asked == ["alpha==1.0"]
    assert not (tmp_path / "cache").exists()


def test_what_the_service_does_not_know_is_named_beside_what_it_does(tmp_path, constraints):
    code, lines = audit(constraints, tmp_path / "cache", ask=Service(unknown=("beta",)))
    assert (code, lines[0].partition("; ")[2]) == (0, "not known to the service: beta")


def test_pip_audit_that_fails_is_one_line(monkeypatch, tmp_path):
    failing = tmp_path / "python"
    failing.write_text("#!/bin/sh\necho 'Traceback' >&2\necho 'ConnectionError: name not resolved' >&2\nexit 1\n")
    failing.chmod(0o755)
    monkeypatch.setattr(audit_dependencies.sys, "executable", str(failing))
    with pytest.raises(ConnectionError, match="^ConnectionError: name not resolved$"):
        pip_audit(["alpha==1.0"])


def test_the_projects_own_constraints_are_versions():
    versions = pinned((audit_dependencies.ROOT / "constraints.txt").read_text())
    assert any(version.startswith("torch==") for version in versions)
