"""The one place that says whether tensors may be read by their addresses."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd import forward_ad

_PLAIN = (Tensor, torch.nn.Parameter)
_CPU = torch.device("cpu")


def is_eager(*tensors: object, device: torch.device = _CPU) -> bool:
    """Whether the memory of these tensors holds their values, and nobody follows what is done with them.

    Addresses and values are read only then: whatever traces, transforms or fakes tensors does not see such a read, and
    would repeat another call's numbers or memory that nobody wrote. False under ``torch.compile``, ``torch.export``,
    ``torch.jit.trace``, ``make_fx``, ``torch.func``, forward-mode derivatives and any mode that watches operators; and
    for subclasses, and sparse, quantised, conjugated or freed tensors.

    Args:
        tensors: Tensors; other values are ignored.
        device: Where they must be; a tensor of a single value may be on the CPU too.
    """
    if _is_followed():
        return False
    for part in tensors:  # noqa: SIM110 - a generator costs more, and every loss asks this
        if isinstance(part, Tensor) and not _holds_values(part, device):
            return False
    return True


def _is_followed() -> bool:
    return (
        torch.compiler.is_compiling()
        or torch._C._get_tracing_state() is not None
        or torch._C._are_functorch_transforms_active()
        or torch._C._len_torch_dispatch_stack() > 0
        or forward_ad._current_level >= 0
        or (torch._C._len_torch_function_stack() > 0 and _is_watched())
    )


def _is_watched() -> bool:
    """Whether a mode sees torch's functions, other than the one that sets the default device."""
    from torch.utils._device import DeviceContext

    depth = torch._C._len_torch_function_stack()
    return any(not isinstance(torch._C._get_function_stack_at(level), DeviceContext) for level in range(depth))


def _holds_values(tensor: Tensor, device: torch.device) -> bool:
    return (
        type(tensor) in _PLAIN
        and (tensor.is_cpu if device.type == "cpu" else _is_at_hand(tensor, device))
        and tensor.layout == torch.strided
        and not tensor.is_quantized
        and not tensor.is_neg()
        and not tensor.is_conj()
        and not tensor._is_zerotensor()
        and torch._C._has_storage(tensor)
        and (tensor.numel() == 0 or tensor.data_ptr() != 0)
    )


def _is_at_hand(tensor: Tensor, device: torch.device) -> bool:
    return tensor.device == device or (tensor.is_cpu and tensor.dim() == 0)
