"""One thread: suites of small tensors run many times faster without a thread pool."""

import importlib

import pytest
import torch

torch.set_num_threads(1)


@pytest.fixture
def timm():
    """The library of backbones; a test that asks for it is skipped where it, or its torchvision, cannot be imported."""
    try:
        return importlib.import_module("timm")
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"timm cannot be imported: {error}")
