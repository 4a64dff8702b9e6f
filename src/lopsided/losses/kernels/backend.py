"""The one place that says which backend computes a loss: plain torch, the native CPU kernel, or Triton.

The environment variable ``LOPSIDED_BACKEND`` chooses one for the whole process, read when the first loss is computed:
``torch``, ``native``, or ``native-plain``, ``native-avx2``, ``native-avx512`` for one set of instructions. Without it
the native kernel serves the CPU where it was built, with the best instructions of the processor. ``triton`` adds the
Triton kernel for GPUs, which is not verified on one yet.
"""

from __future__ import annotations

import functools
import importlib.util
import os
from types import ModuleType

INSTRUCTIONS = ("plain", "avx2", "avx512")
"""What the native kernel was compiled for, numbered as in ``pass.h``."""


@functools.cache
def native_module() -> ModuleType | None:
    """The compiled module, or None where the package was installed without a compiler."""
    try:
        from lopsided.losses.kernels import _native
    except ImportError:
        return None
    return _native


@functools.cache
def cpu_backend() -> str:
    """What serves CPU tensors: ``"torch"`` or ``"native-"`` and its instructions.

    >>> cpu_backend() in ("torch", "native-plain", "native-avx2", "native-avx512")
    True
    """
    asked, native = os.environ.get("LOPSIDED_BACKEND", ""), native_module()
    allowed = ["torch", "native", *(f"native-{name}" for name in INSTRUCTIONS), "triton"]
    if asked and asked not in allowed:
        raise ValueError(f"expected LOPSIDED_BACKEND to be one of {', '.join(allowed)}, got {asked!r}")
    if asked == "torch" or (asked in ("", "triton") and native is None):
        return "torch"
    if native is None:
        raise RuntimeError(f"LOPSIDED_BACKEND is {asked}, but lopsided was installed without its native kernel")
    best = native.best_instructions()
    wanted = best if asked in ("", "native", "triton") else INSTRUCTIONS.index(asked.removeprefix("native-"))
    if wanted > best:
        raise RuntimeError(f"LOPSIDED_BACKEND is {asked}, but this machine has native-{INSTRUCTIONS[best]} at most")
    return f"native-{INSTRUCTIONS[wanted]}"


def instructions() -> int:
    """The number of the chosen instructions, -1 where plain torch serves."""
    return _instructions()


# Asked, not traced, where a loss is compiled: what torch.compiler.assume_constant_result sets, which would import the
# compiler.
instructions._dynamo_marked_constant = True  # pyright: ignore[reportFunctionMemberAccess]


@functools.cache
def _instructions() -> int:
    name = cpu_backend()
    return -1 if name == "torch" else INSTRUCTIONS.index(name.removeprefix("native-"))


@functools.cache
def _wants_triton() -> bool:
    if os.environ.get("LOPSIDED_BACKEND") != "triton":
        return False
    if importlib.util.find_spec("triton") is None:
        raise ModuleNotFoundError(
            "LOPSIDED_BACKEND is triton, which is not installed: pip install triton", name="triton"
        )
    return True


def wants_triton() -> bool:
    """Whether the Triton kernel was asked for."""
    return _wants_triton()


wants_triton._dynamo_marked_constant = True  # pyright: ignore[reportFunctionMemberAccess]


def forget() -> None:
    """Read ``LOPSIDED_BACKEND`` again at the next loss."""
    for cached in (cpu_backend, _instructions, _wants_triton):
        cached.cache_clear()
