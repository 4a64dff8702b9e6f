"""Every test of the losses runs with plain torch and, where it was built, with the native kernel."""

import os

import pytest

from lopsided.losses.fused import backend


@pytest.fixture(autouse=True, scope="module", params=["torch", *(["native"] if backend.native_module() else [])])
def chosen_backend(request):
    before = os.environ.get("LOPSIDED_BACKEND")
    os.environ["LOPSIDED_BACKEND"] = request.param
    backend.forget()
    yield request.param
    if before is None:
        del os.environ["LOPSIDED_BACKEND"]
    else:
        os.environ["LOPSIDED_BACKEND"] = before
    backend.forget()
