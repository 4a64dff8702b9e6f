"""Keep the memory of the last large gradient for the next step, one block for each process.

The operating system takes about as long to hand out the pages of a new gradient as the kernel takes to fill them, and a
training loop asks for the same size again and again.
"""

from __future__ import annotations

import ctypes
import weakref

import torch
from torch import Tensor

SMALLEST = 1 << 20
"""Bytes below which the C library's allocator reuses memory by itself."""

_ALIGNMENT = 64
_kept: list[ctypes.Array[ctypes.c_ubyte]] = []


def like(logits: Tensor) -> Tensor:
    """An uninitialised contiguous tensor of the shape and dtype of CPU ``logits``, in kept memory if there is some.

    >>> like(torch.zeros(3, 4, dtype=torch.float16)).dtype
    torch.float16
    """
    size = logits.numel() * logits.element_size()
    if size < SMALLEST:
        return torch.empty_like(logits, memory_format=torch.contiguous_format)
    memory = _take(size)
    offset = -ctypes.addressof(memory) % _ALIGNMENT
    lent = (ctypes.c_ubyte * size).from_buffer(memory, offset)
    weakref.finalize(lent, _keep, memory).atexit = False  # the tensor holds `lent` until its last view is gone
    return torch.frombuffer(lent, dtype=logits.dtype).view(logits.shape)


def _take(size: int) -> ctypes.Array[ctypes.c_ubyte]:
    try:
        memory = _kept.pop()  # atomic: two threads never get the same
    except IndexError:
        memory = None
    wanted = size + _ALIGNMENT
    if memory is not None and wanted <= len(memory) <= 2 * wanted:
        return memory
    return (ctypes.c_ubyte * wanted)()


def _keep(memory: ctypes.Array[ctypes.c_ubyte]) -> None:
    _kept[:] = [memory]
