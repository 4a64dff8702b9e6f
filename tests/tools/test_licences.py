from importlib.metadata import PathDistribution

import pytest
from packaging.requirements import Requirement

from tools.licences import PYPROJECT, licence_of, own_requirements, required, verdict


@pytest.mark.parametrize(
    ("licence", "wanted"),
    [
        ("MIT", "permissive"),
        ("BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0", "permissive"),
        ("Apache-2.0 AND Apache-2.0 WITH LLVM-exception AND BSL-1.0", "permissive"),
        ("Python Software Foundation License", "permissive"),
        ("GPL-3.0-only OR MIT", "permissive"),
        ("LGPL-3.0-only", "weak"),
        ("MPL-2.0 AND MIT", "weak"),
        ("GNU Lesser General Public License v3 (LGPLv3)", "weak"),
        ("GPL-2.0-or-later", "strong"),
        ("GNU General Public License v3 (GPLv3)", "strong"),
        ("MIT AND AGPL-3.0", "strong"),
        ("GNU Affero General Public License v3", "strong"),
        ("unknown", "unknown"),
        ("Other/Proprietary License", "unknown"),
    ],
)
def test_a_licence_binds_or_does_not(licence, wanted):
    assert verdict(licence) == wanted


@pytest.fixture
def package(tmp_path):
    def make(metadata, licence=None):
        folder = tmp_path / "thing-1.dist-info"
        folder.mkdir(exist_ok=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: thing\nVersion: 1\n{metadata}\n")
        (folder / "RECORD").write_text("thing-1.dist-info/METADATA,,\nthing-1.dist-info/LICENSE,,\n")
        if licence:
            (folder / "LICENSE").write_text(licence)
        return PathDistribution(folder)

    return make


@pytest.mark.parametrize(
    ("metadata", "file", "wanted"),
    [
        ("License-Expression: MIT\nLicense: BSD", None, "MIT"),
        (
            "Classifier: License :: OSI Approved\nClassifier: License :: OSI Approved :: MIT License",
            None,
            "MIT License",
        ),
        ("License: BSD-3-Clause", None, "BSD-3-Clause"),
        ("License: UNKNOWN", "\n  Apache Software License 2.0\n\nCopyright", "Apache Software License 2.0"),
        ("License: UNKNOWN", "", "unknown"),
    ],
)
def test_a_package_says_its_licence_in_one_of_four_ways(package, metadata, file, wanted):
    made = package(metadata, licence=file or "\n")
    assert licence_of(made) == wanted


def test_without_extras_lopsided_brings_torch_alone():
    assert [need.name for need in own_requirements(PYPROJECT, "")] == ["torch"]
    assert {"torch", "numpy", "timm"} <= {need.name for need in own_requirements(PYPROJECT, "vision")}


def test_what_a_requirement_needs_in_turn_is_listed_and_what_is_not_installed_too():
    found = required(
        [Requirement("pytest"), Requirement("no-such-package-of-lopsided"), Requirement("x; extra == 'y'")]
    )
    assert {"pytest", "pluggy", "packaging"} <= set(found)
    assert found["no-such-package-of-lopsided"] is None
    assert "x" not in found
