import subprocess
import sys

import pytest

from lopsided.losses.kernels import backend, native_kernel, triton_kernel


@pytest.fixture(autouse=True, scope="module")
def every_backend():
    """Chosen by each test."""


@pytest.fixture
def asked(monkeypatch):
    def ask(name):
        monkeypatch.setenv("LOPSIDED_BACKEND", name)
        backend.forget()

    yield ask
    monkeypatch.undo()
    backend.forget()


def test_plain_torch_can_be_asked_for(asked):
    asked("torch")
    assert backend.cpu_backend() == "torch"


def test_without_a_compiled_kernel_plain_torch_serves(asked, monkeypatch):
    monkeypatch.setattr(native_kernel, "native_module", lambda: None)
    asked("")
    assert backend.cpu_backend() == "torch"
    asked("native")
    with pytest.raises(RuntimeError, match="expected the native kernel for LOPSIDED_BACKEND=native, got an"):
        backend.cpu_backend()


def test_an_unknown_backend_is_refused_with_the_known_ones(asked):
    asked("cuda")
    with pytest.raises(ValueError, match=r"^expected LOPSIDED_BACKEND to be one of torch, .*native, .*, got 'cuda'$"):
        backend.cpu_backend()


@pytest.mark.skipif(native_kernel.native_module() is None, reason="the native kernel was not built")
def test_the_best_instructions_are_chosen_and_lesser_ones_can_be(asked):
    asked("")
    best = native_kernel.instructions()
    for number, name in enumerate(backend.INSTRUCTIONS):
        asked(f"native-{name}")
        if number <= best:
            assert backend.cpu_backend() == f"native-{name}"
            assert native_kernel.instructions() == number
        else:
            with pytest.raises(RuntimeError, match="at most"):
                backend.cpu_backend()


@pytest.mark.skipif(native_kernel.native_module() is None, reason="the native kernel was not built")
def test_the_kernel_brings_no_second_thread_runtime_and_leaves_small_numbers_alone():
    code = """
import torch, lopsided
tiny = torch.tensor([1e-40])
torch.set_num_threads(2)
lopsided.AsymmetricLoss()(torch.zeros(1000, 100), torch.zeros(1000, 100))
assert (tiny * 1).item() > 0
print(len({line.split()[-1] for line in open("/proc/self/maps") if "omp" in line.rpartition("/")[2]}))
"""
    if not sys.platform.startswith("linux"):
        pytest.skip("reads /proc")
    assert int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout) <= 1


def test_triton_is_used_where_it_is_asked_for_and_installed(asked, monkeypatch):
    for installed in (True, False):
        monkeypatch.setattr("importlib.util.find_spec", lambda name, there=installed: object() if there else None)
        asked("triton")
        if installed:
            assert backend.BACKENDS[backend._chosen("cuda")].module is triton_kernel
            assert backend.cpu_backend() != "triton"
        else:
            with pytest.raises(ModuleNotFoundError, match="LOPSIDED_BACKEND=triton needs triton: pip install triton"):
                backend._chosen("cuda")
    asked("torch")
    assert backend._chosen("cuda") == -1
