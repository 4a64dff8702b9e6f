"""Known vulnerabilities of the versions in constraints.txt, by pip-audit; where its service is out of reach, says so.

    .venv/bin/python tools/audit_dependencies.py

The service is asked once a day for the same versions: an answer is kept in .audit_cache/. Exit code 1 is for a version
that is known to be vulnerable, and for nothing else: no network is no failure.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]

Audited = list[dict[str, Any]]
"""Of each version: name, and version and vulns where the service knows it, or else skip_reason."""


def pip_audit(versions: Sequence[str]) -> Audited:
    """What the service says about versions, such as ``["torch==2.9.0"]``.

    Raises:
        ConnectionError: There was no answer; the message is the reason in one line.
    """
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder) / "requirements.txt"
        wanted.write_text("\n".join(versions) + "\n", encoding="utf-8")
        line = [sys.executable, "-m", "pip_audit", "--requirement", str(wanted), "--no-deps", "--disable-pip"]
        line += ["--progress-spinner", "off", "--timeout", "5", "--format", "json"]
        try:
            ended = subprocess.run(line, capture_output=True, text=True, check=False, timeout=180)
        except subprocess.TimeoutExpired:
            raise ConnectionError("no answer in three minutes") from None
    try:
        return json.loads(ended.stdout)["dependencies"]
    except (ValueError, KeyError):
        said = ended.stderr.strip().splitlines() or ["pip-audit said nothing"]
        raise ConnectionError(said[-1]) from None


def pinned(constraints: str) -> list[str]:
    """The versions of a constraints file, without comments.

    >>> pinned("# of today\\ntorch==2.9.0  # CPU\\n\\nnumpy==2.3.0 ; python_version > '3'\\n")
    ['torch==2.9.0', "numpy==2.3.0 ; python_version > '3'"]
    """
    lines = (line.partition("#")[0].strip() for line in constraints.splitlines())
    return [line for line in lines if "==" in line]


def vulnerable(found: Audited) -> list[str]:
    """A line for each known vulnerability: version, name of the vulnerability and what mends it."""
    return [
        f"{one['name']} {one['version']}: {flaw['id']}, mended in {', '.join(flaw['fix_versions']) or 'no version yet'}"
        for one in found
        for flaw in one.get("vulns", [])
    ]


def audit(
    constraints: Path, cache: Path, *, ask: Callable[[Sequence[str]], Audited] = pip_audit
) -> tuple[int, list[str]]:
    """Exit code, and lines to print.

    Args:
        constraints: The versions.
        cache: Folder for a mark that today's answer was good.
        ask: The service.
    """
    text = constraints.read_text(encoding="utf-8")
    versions = pinned(text)
    today = hashlib.sha256(f"{datetime.date.today()}\n{text}".encode()).hexdigest()[:16]
    if (cache / today).exists():
        return 0, [f"audit: no vulnerability known today in {constraints.name}"]
    try:
        # One first: where the service does not answer, or knows nothing, the others need not be asked for.
        found = ask(versions[:1])
        if "vulns" in found[0]:
            found += ask(versions[1:])
    except ConnectionError as error:
        return 0, [f"audit: not done, the service of vulnerabilities cannot be reached from here: {error}"]
    known = [one for one in found if "vulns" in one]
    if not known:
        return 0, [f"audit: not done, the service that is reached from here does not know {versions[0]}"]
    if flaws := vulnerable(found):
        return 1, [*flaws, f"audit: {len(flaws)} known vulnerabilities in {constraints.name}: raise these versions"]
    cache.mkdir(exist_ok=True)
    for old in cache.iterdir():
        old.unlink()
    (cache / today).touch()
    unknown = [one["name"] for one in found if "vulns" not in one]
    rest = f"; not known to the service: {', '.join(unknown)}" if unknown else ""
    return 0, [f"audit: no vulnerability known in {len(known)} versions of {constraints.name}{rest}"]


def main() -> int:
    """Print and return the exit code."""
    code, lines = audit(ROOT / "constraints.txt", ROOT / ".audit_cache")
    print("\n".join(lines), file=sys.stderr if code else sys.stdout)
    return code


if __name__ == "__main__":
    sys.exit(main())
