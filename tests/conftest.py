"""One thread: suites of small tensors run many times faster without a thread pool."""

import importlib
import os

import pytest
import torch

from lopsided.losses.kernels import backend, native_kernel

torch.set_num_threads(1)


@pytest.fixture
def timm():
    """The library of backbones; a test that asks for it is skipped where it, or its torchvision, cannot be imported."""
    try:
        return importlib.import_module("timm")
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"timm cannot be imported: {error}")


@pytest.fixture(scope="module", params=["torch", *(["native"] if native_kernel.native_module() else [])])
def chosen_backend(request):
    """Plain torch, and the native kernels where they were built."""
    before = os.environ.get("LOPSIDED_BACKEND")
    os.environ["LOPSIDED_BACKEND"] = request.param
    backend.forget()
    yield request.param
    if before is None:
        del os.environ["LOPSIDED_BACKEND"]
    else:
        os.environ["LOPSIDED_BACKEND"] = before
    backend.forget()
