"""What others install: the source archive, the wheel that is built from it, and that where there is torch alone.

The wheel is built without its native kernels, which take minutes to compile and are built and tested, as wheels, by
.github/workflows/wheels.yml; all else in it is what users get.
"""

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from email.parser import BytesParser
from pathlib import Path

import pytest
from packaging.metadata import Metadata
from packaging.requirements import Requirement

import lopsided
from tools.licences import required

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "lopsided"

pytestmark = pytest.mark.slow


def shipped(folder, *, but=()):
    """Files of a folder as they lie there, without what tools leave behind."""
    paths = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(folder)) for path in paths if path.suffix not in (*but, ".so", ".pyd", ".pyc")}


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """Calls the builder, which lies in a folder of its own."""
    builder = tmp_path_factory.mktemp("builder")
    line = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(builder), "scikit-build-core>=0.11"]
    ended = subprocess.run(line, capture_output=True, text=True, check=False)
    if ended.returncode:
        pytest.skip(f"the builder cannot be installed from here: {ended.stderr.strip().splitlines()[-1]}")

    def call(folder, code):
        line = [sys.executable, "-c", f"import scikit_build_core.build as builder; {code}"]
        environment = {**os.environ, "PYTHONPATH": str(builder)}
        ended = subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr

    return call


@pytest.fixture(scope="module")
def sdist(build, tmp_path_factory):
    out = tmp_path_factory.mktemp("sdist")
    build(ROOT, f"builder.build_sdist({str(out)!r})")
    (path,) = out.glob("*.tar.gz")
    return path


@pytest.fixture(scope="module")
def wheel(build, sdist, tmp_path_factory):
    out = tmp_path_factory.mktemp("wheel")
    with tarfile.open(sdist) as archive:
        archive.extractall(out / "unpacked", filter="data")
    (folder,) = (out / "unpacked").iterdir()
    settings = {"wheel.cmake": "false", "wheel.py-api": "py3"}
    build(folder, f"builder.build_wheel({str(out)!r}, {settings!r})")
    (path,) = out.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory):
    """The Python of an environment that holds the wheel, and beside it torch with what torch needs, and no more."""
    folder = tmp_path_factory.mktemp("empty")
    venv.create(folder / "environment", with_pip=False, symlinks=os.name != "nt")
    path = folder / "environment" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    line = [sys.executable, "-m", "pip", "--python", str(path), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*line, str(wheel)], check=True)
    beside = folder / "torch-alone"
    beside.mkdir()
    for package in required([Requirement("torch")]).values():
        assert package is not None
        for top in {Path(file).parts[0] for file in package.files or []} - {"..", "__pycache__"}:
            if not (beside / top).exists():
                (beside / top).symlink_to(Path(str(package.locate_file(top))).resolve())
    (site,) = (folder / "environment").rglob("site-packages")
    (site / "torch_alone.pth").write_text(f"{beside}\n")
    return path


def run(python, *arguments):
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    line = [str(python), *map(str, arguments)]
    return subprocess.run(line, cwd=python.parent, env=environment, capture_output=True, text=True, check=False)


def test_the_source_archive_holds_all_that_building_and_testing_takes(sdist):
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {"pyproject.toml", "CMakeLists.txt", "constraints.txt", "Makefile"}
    wanted |= {"LICENSE", "README.md", "README.ko.md", "CHANGELOG.md", "CONTRIBUTING.md"}
    for folder in ("src", "tests", "tools", "benchmarks"):
        wanted |= {f"{folder}/{name}" for name in shipped(ROOT / folder)}
    assert not wanted - names
    assert {"src/lopsided/losses/kernels/native/kernel.cpp", "tests/golden/table.csv"} <= names
    assert not {name for name in names if name.partition("/")[0] in (".venv", "runs", "sweeps", ".git")}
    assert sdist.stat().st_size < 5_000_000


def test_the_wheel_holds_the_package_with_its_data_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
    inside = {name.removeprefix("lopsided/") for name in names if name.startswith("lopsided/")}
    assert inside == shipped(SOURCE, but=(".cpp", ".h"))
    assert {"py.typed", "presets/coco-tresnet-l.yaml", "reports/page.html.j2", "experiments/published.csv"} <= inside
    rest = {name.partition("/")[2] for name in names if not name.startswith("lopsided/")}
    assert rest == {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"}


def test_the_metadata_is_valid_and_says_what_the_package_needs(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        text = archive.read(name)
    about = Metadata.from_email(text, validate=True)  # raises for each field that an index would refuse
    assert (about.name, str(about.version)) == ("lopsided", lopsided.__version__)
    assert about.license_expression == "MIT"
    assert about.description_content_type == "text/markdown"
    assert "lopsided" in BytesParser().parsebytes(text).get_payload()
    always = [need.name for need in about.requires_dist or [] if need.marker is None]
    assert always == ["torch"]
    assert {"train", "vision", "report", "export", "lab", "all"} <= set(about.provides_extra or [])


def test_a_loss_works_where_there_is_torch_alone(python):
    code = """
import torch, lopsided, importlib.util
from lopsided import AsymmetricLoss
assert not any(importlib.util.find_spec(name) for name in ("numpy", "scipy", "pytorch_lightning", "yaml"))
logits = torch.zeros(2, 3, requires_grad=True)
loss = AsymmetricLoss(gamma_neg=4, margin=0.05)(logits, torch.eye(2, 3))
loss.backward()
assert logits.grad.isfinite().all() and loss.item() > 0
print(lopsided.__file__)
"""
    ended = run(python, "-c", code)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith(str(python.parents[1]))


def test_the_data_of_the_package_is_found_where_it_is_installed(python):
    code = """
from importlib.resources import files
from lopsided.presets import preset_file, preset_names
assert len(preset_names()) >= 10 and all(preset_file(name).is_file() for name in preset_names())
package = files("lopsided")
for name in ("reports/page.html.j2", "reports/page.css", "experiments/published.csv", "py.typed"):
    assert package.joinpath(*name.split("/")).is_file(), name
"""
    ended = run(python, "-c", code)
    assert ended.returncode == 0, ended.stderr


def test_the_command_is_there_and_names_the_extra_that_is_missing(python):
    command = python.with_name("lopsided.exe" if os.name == "nt" else "lopsided")
    ended = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    assert ended.stdout == f"lopsided {lopsided.__version__}\n"
    ended = run(python, "-m", "lopsided", "train", "digits")
    assert ended.returncode == 1
    *before, said = ended.stderr.strip().splitlines()
    assert said.startswith("lopsided train: error: this needs the package ")
    assert said.endswith('pip install "lopsided[train]"')
    assert "Traceback" not in "".join(before)  # torch itself warns that there is no NumPy
