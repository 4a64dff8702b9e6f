"""Every test of the losses runs with each backend."""

import pytest


@pytest.fixture(autouse=True, scope="module")
def every_backend(chosen_backend):
    return chosen_backend
