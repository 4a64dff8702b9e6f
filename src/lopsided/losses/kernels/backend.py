"""Which backend computes a loss: plain torch, the native CPU kernel, or Triton.

The environment variable ``LOPSIDED_BACKEND`` chooses one for the whole process, read when the first loss is computed:
``torch``, ``native``, or ``native-plain``, ``native-avx2``, ``native-avx512`` for one set of instructions. Without it
the native kernel serves the CPU where it was built, with the best instructions of the processor. ``triton`` adds the
Triton kernel for GPUs, which is not verified on one yet.
"""

from __future__ import annotations

import functools
import os
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from lopsided.losses.eager import is_eager
from lopsided.losses.kernels import native_kernel, triton_kernel
from lopsided.losses.kernels.call import Call, Results
from lopsided.losses.kernels.native_kernel import INSTRUCTIONS


class Backend(Protocol):
    """What a module of this folder must offer to serve instead of plain torch."""

    def is_ready(self, device: str) -> bool:
        """Whether it can serve this type of device here; raises where it was asked for and something is missing."""
        ...

    def serves(self, call: Call) -> bool:
        """Whether it reads tensors of these types."""
        ...

    def run(self, call: Call) -> Results:
        """Compute all that the call wants, without autograd; raise ValueError for a target outside [0, 1]."""
        ...


class Entry(NamedTuple):
    """A backend by the name that ``LOPSIDED_BACKEND`` gives it."""

    name: str
    devices: tuple[str, ...]  # types of torch.device whose memory it reads
    module: Backend
    variants: tuple[str, ...] = ()  # what may follow the name and a hyphen
    unasked: bool = False  # serves also where LOPSIDED_BACKEND names another one, unless that is torch


BACKENDS = (  # of those that are wanted on a device, the first that is ready
    Entry("triton", ("cuda", "cpu"), triton_kernel),
    Entry("native", ("cpu",), native_kernel, INSTRUCTIONS, unasked=True),
)


def serving(call: Call) -> Backend | None:
    """The backend that takes this call, or None where plain torch has to."""
    device = call.logits.device
    number = _number(device.type)
    if number < 0 or not BACKENDS[number].module.serves(call):
        return None
    parts = (call.logits, call.targets, call.mask, call.weight, *call.settings)
    if torch.compiler.is_compiling():  # read by their addresses later, when the graph is run
        readable = all(part.device == device for part in parts if isinstance(part, Tensor))
    else:
        readable = is_eager(*parts, device=device)
    return BACKENDS[number].module if readable else None


def _number(device: str) -> int:
    """The place in ``BACKENDS`` of what serves tensors on this type of device, -1 for plain torch."""
    return _chosen(device)


# A compiled graph calls it once and keeps the answer. torch.compiler.assume_constant_result sets the same mark, but
# imports the compiler.
_number._dynamo_marked_constant = True  # pyright: ignore[reportFunctionMemberAccess]


@functools.cache
def _chosen(device: str) -> int:
    asked = os.environ.get("LOPSIDED_BACKEND", "")
    allowed = ["torch"]
    for entry in BACKENDS:
        allowed += [entry.name, *(f"{entry.name}-{variant}" for variant in entry.variants)]
    if asked and asked not in allowed:
        raise ValueError(f"expected LOPSIDED_BACKEND to be one of {', '.join(allowed)}, got {asked!r}")
    for number, entry in enumerate(BACKENDS):
        wanted = asked.partition("-")[0] == entry.name or (entry.unasked and asked != "torch")
        if wanted and device in entry.devices and entry.module.is_ready(device):
            return number
    return -1


def cpu_backend() -> str:
    """What serves CPU tensors: ``"torch"``, ``"native-"`` and its instructions, or the name of another backend.

    >>> cpu_backend() in ("torch", "native-plain", "native-avx2", "native-avx512")
    True
    """
    number = _chosen("cpu")
    if number < 0:
        return "torch"
    name = BACKENDS[number].name
    return f"{name}-{INSTRUCTIONS[native_kernel.instructions()]}" if name == "native" else name


def forget() -> None:
    """Read ``LOPSIDED_BACKEND`` again at the next loss."""
    _chosen.cache_clear()
    native_kernel.instructions.cache_clear()
