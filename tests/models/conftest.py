import importlib

import pytest


@pytest.fixture
def timm():
    """The library of backbones; a test that asks for it is skipped where it, or its torchvision, cannot be imported."""
    try:
        return importlib.import_module("timm")
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"timm cannot be imported: {error}")
