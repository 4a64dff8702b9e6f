"""Names of a package that are loaded when they are first asked for."""

import ast
import importlib
import pkgutil
import subprocess
import sys

import pytest

PACKAGES = [f"lopsided.{name}" for name in ("asymmetry", "data", "losses", "models", "training")]


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_gives_every_name_that_it_lists_and_lists_what_it_gives(name):
    package = importlib.import_module(name)
    assert dir(package) == sorted(package.__all__)
    for public in package.__all__:
        assert getattr(package, public) is not None


@pytest.mark.parametrize("name", PACKAGES)
def test_no_module_is_called_as_something_else_of_its_package(name):
    """An import of the module would put it in the place of that."""
    package = importlib.import_module(name)
    modules = {module.name for module in pkgutil.iter_modules(package.__path__)}
    with open(package.__file__, encoding="utf-8") as file:
        imports = [node for node in ast.walk(ast.parse(file.read())) if isinstance(node, ast.ImportFrom)]
    names = {alias.asname or alias.name for node in imports if node.module != name for alias in node.names}
    assert not names & modules


@pytest.mark.parametrize("name", PACKAGES)
def test_importing_a_package_imports_neither_torch_nor_numpy(name):
    code = f"import sys, {name}; print([m for m in ('torch', 'numpy') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_a_name_that_is_not_there_is_told_as_python_tells_it():
    import lopsided.data

    with pytest.raises(AttributeError, match="module 'lopsided.data' has no attribute 'tabel'"):
        lopsided.data.tabel  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'tabel'"):
        from lopsided.data import tabel  # noqa: F401  # pyright: ignore
