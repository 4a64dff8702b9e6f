import subprocess
import sys
from pathlib import Path

import pytest

from lopsided.reports import requirement as extra


@pytest.mark.parametrize("missing", ["matplotlib", "jinja2"])
def test_a_missing_extra_is_named_with_the_line_that_installs_it(missing, monkeypatch):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ModuleNotFoundError, match=missing) as caught:
        exec(Path(extra.__file__).read_text(), {})
    assert 'pip install "lopsided[report]"' in str(caught.value)
    assert caught.value.name == missing


def test_the_package_says_so_before_anything_else():
    script = """
import sys
sys.modules["matplotlib"] = None
try:
    import lopsided.reports
except ImportError as error:
    print(error)
print("pytorch_lightning" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        'reports and figures need matplotlib: pip install "lopsided[report]"',
        "False",
    ]
