"""The licences of what each extra of lopsided brings, from the metadata of the packages that are installed here.

    .venv/bin/python tools/licences.py

One line a package: name, version, licence, and the extras that need it, directly or through another. Ends with exit
code 1 where a licence is unknown, or one that would bind those who use lopsided: lopsided is under MIT, holds no code
of these packages and only imports them, so that licences like LGPL and MPL, which bind who changes the package itself,
stand in the way of nobody; GPL and AGPL would.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"

EXTRAS = ("", "train", "vision", "report", "export", "lab")

PERMISSIVE = re.compile(
    r"MIT|BSD|Apache|ISC|PSF|Python Software Foundation|HPND|CNRI|Zlib|Unlicense|0BSD|CC0|BSL-1\.0|Boost|Public Domain"
    r"|bzip2|libpng|NCSA",
    re.IGNORECASE,
)
WEAK = re.compile(r"MPL|Mozilla|LGPL|Lesser General Public", re.IGNORECASE)
STRONG = re.compile(r"(?<!L)GPL|(?<!Lesser )General Public License|Affero|SSPL|EUPL", re.IGNORECASE)


def licence_of(package: Distribution) -> str:
    """What a package says its licence is: the SPDX expression, else the classifiers, the field, or the file's heading.

    Where a package has more than one, they are joined by AND, as SPDX does.
    """
    about = package.metadata
    if expressions := about.get_all("License-Expression"):
        return expressions[0]
    names = [line.split(" :: ")[-1] for line in about.get_all("Classifier") or [] if line.startswith("License :: ")]
    if names := [name for name in names if name != "OSI Approved"]:
        return " AND ".join(sorted(names))
    field = (about.get_all("License") or [""])[0]
    if field.strip().upper() in ("", "UNKNOWN"):
        field = next((file.read_text() for file in package.files or [] if file.match("*.dist-info/LICEN[CS]E*")), "")
    return next((line.strip() for line in field.splitlines() if line.strip()), "unknown")


def verdict(licence: str) -> str:
    """``permissive``, ``weak`` (binds who changes the package itself), ``strong`` or ``unknown``.

    Of an expression each part that is joined by AND counts, and of parts that are joined by OR the mildest.

    >>> [verdict(name) for name in ("MIT", "GPL-3.0 OR MIT", "BSD-3-Clause AND MPL-2.0", "GPL-2.0", "Secret")]
    ['permissive', 'permissive', 'weak', 'strong', 'unknown']
    """
    ranks = ("permissive", "weak", "strong", "unknown")
    parts = re.split(r"\s+AND\s+", licence.replace("(", " ").replace(")", " "))
    worst = (min((_one(part) for part in re.split(r"\s+OR\s+", both)), key=ranks.index) for both in parts)
    return max(worst, key=ranks.index)


def _one(licence: str) -> str:
    for name, pattern in (("strong", STRONG), ("weak", WEAK), ("permissive", PERMISSIVE)):
        if pattern.search(licence):
            return name
    return "unknown"


def own_requirements(pyproject: Path, extra: str) -> list[Requirement]:
    """What lopsided itself asks for with an extra, or without any; as the source says, whatever was installed."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    texts = [*project["dependencies"], *(project["optional-dependencies"][extra] if extra else [])]
    found = []
    for need in map(Requirement, texts):
        if canonicalize_name(need.name) == project["name"]:
            found += [part for other in need.extras for part in own_requirements(pyproject, other)]
        else:
            found.append(need)
    return found


def required(needs: Iterable[Requirement]) -> dict[str, Distribution | None]:
    """What requirements bring, and all that this needs in turn; None for what is not installed."""
    found: dict[str, Distribution | None] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [(need, "") for need in needs]
    while waiting:
        need, of_extra = waiting.pop()
        if need.marker is not None and not need.marker.evaluate({"extra": of_extra}):
            continue
        name = canonicalize_name(need.name)
        try:
            found[name] = about = distribution(name)
        except PackageNotFoundError:
            found[name] = None
            continue
        for extra in ("", *need.extras):
            if (name, extra) not in seen:
                seen.add((name, extra))
                waiting += [(Requirement(text), extra) for text in about.requires or []]
    return found


def main() -> int:
    """Print the list and say what stands in the way."""
    by_package: dict[str, list[str]] = {}
    packages: dict[str, Distribution | None] = {}
    for extra in EXTRAS:
        for name, about in required(own_requirements(PYPROJECT, extra)).items():
            packages[name] = about
            by_package.setdefault(name, []).append(extra or "always")
    refused = []
    for name in sorted(packages):
        about, extras = packages[name], by_package[name]
        if about is None:
            licence, version, found = "not installed here", "", "unknown"
        else:
            licence, version = licence_of(about), about.version
            found = verdict(licence)
        if found in ("strong", "unknown"):
            refused.append(f"{name} ({licence})")
        note = "" if found == "permissive" else f"  [{found}]"
        print(f"{name:<28} {version:<14} {licence:<44} {'always' if 'always' in extras else ' '.join(extras)}{note}")
    if refused:
        print(f"licences: to be looked at by a person: {', '.join(refused)}", file=sys.stderr)
        return 1
    print(f"licences: {len(packages)} packages, none that binds who uses lopsided")
    return 0


if __name__ == "__main__":
    sys.exit(main())
