"""What every loss module is made of: settings given by name, one ``forward``, one ``repr``."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from typing import Any, ClassVar

from torch import Tensor, nn

from lopsided.losses.checks import Focus, check_inputs, check_reduction, check_setting
from lopsided.losses.elements import known_elements, reduce_known


class Loss(nn.Module):
    """A loss of logits and targets. One that is a sum over elements writes :meth:`costs`, another :meth:`forward`.

    A subclass declares its settings as keyword-only arguments of ``__init__``, checks them and keeps each under its own
    name. No tensor of a call is kept.

    Args:
        reduction: ``"none"``, ``"mean"``, ``"sum"`` or ``"batchmean"``.
    """

    gamma_neg: Any  # Focus: the present focusing power of negatives, nan where the loss has none
    # What the authors' class takes, in order: our name and theirs.
    published: ClassVar[tuple[tuple[str, str], ...]] = ()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        _, *settings = inspect.signature(cls.__init__).parameters.values()
        if all(part.kind is part.KEYWORD_ONLY for part in settings):
            cls.__init__ = _by_name(cls.__init__)

    def __init__(self, *, reduction: str) -> None:
        super().__init__()
        vars(self)["gamma_neg"] = math.nan  # where a subclass has a property of this name, the property comes first
        self.reduction = check_reduction(reduction)

    def forward(
        self, logits: Tensor, targets: Tensor, *, mask: Tensor | None = None, weight: Tensor | None = None
    ) -> Tensor:
        """Loss of a batch.

        Args:
            logits: Scores z before the sigmoid, shape ``(..., labels)``, floating point.
            targets: Share y of the positive class in [0, 1], bool, integer or float, shape of ``logits``; other known
                values, such as -1 for "unknown", are refused on the CPU.
            mask: bool, True where the label is known, broadcasts to ``logits``; the rest costs nothing, even NaN.
            weight: Factor of each element, broadcasts to ``logits``.

        Returns: Loss, a scalar or the shape of ``logits`` for ``reduction="none"``; at least float32.
        """
        check_inputs(logits, targets, mask=mask, weight=weight)
        losses = self.costs(*known_elements(logits, targets, mask=mask))
        return reduce_known(losses, mask=mask, weight=weight, reduction=self.reduction)

    @property
    def present_margin(self) -> Any:
        """The margin that the next batch is costed with, of a loss that has one."""
        return self.margin

    def costs(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Loss of each element; both arguments are finite and of the type that the loss is computed in."""
        raise NotImplementedError

    def keep(self, name: str, value: Focus, *, below: float = math.inf, persistent: bool = False) -> None:
        """Check and store a setting: a number as it is, a tensor as a buffer, so that it follows ``module.to(device)``.

        ``persistent`` saves the buffer with the model.
        """
        check_setting(name, value, below=below)
        if isinstance(value, Tensor):
            vars(self).pop(name, None)
            self.register_buffer(name, value.detach().clone(), persistent=persistent)
        else:
            setattr(self, name, value)

    def extra_repr(self) -> str:
        """Show the settings where a model is printed, and of the switches those that are on."""
        values = {name: getattr(self, name) for name in inspect.signature(type(self)).parameters if name != "reduction"}
        return ", ".join(
            f"{name}={_shown(value)}" for name, value in values.items() if value is not None and value is not False
        )


def as_function(module: type[Loss], name: str, **fixed: Any) -> Callable[..., Tensor]:
    """A function of logits and targets that takes the settings of ``module``, other than ``fixed``, beside ``mask``."""

    def function(
        logits: Tensor, targets: Tensor, *, mask: Tensor | None = None, weight: Tensor | None = None, **settings: Any
    ) -> Tensor:
        return module(**fixed, **settings)(logits, targets, mask=mask, weight=weight)

    signature = inspect.signature(function)
    settings = [part for part in inspect.signature(module).parameters.values() if part.name not in fixed]
    parameters = [*list(signature.parameters.values())[:-1], *settings]
    function.__signature__ = signature.replace(parameters=parameters)  # pyright: ignore[reportFunctionMemberAccess]
    function.__name__ = function.__qualname__ = name
    function.__module__ = module.__module__
    function.__doc__ = module.__doc__
    return function


def _by_name(init: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(init)
    def checked(self: Loss, *unnamed: Any, **settings: Any) -> None:
        if unnamed:
            published = dict(type(self).published)
            order = list(published) or [
                name for name in inspect.signature(type(self)).parameters if name not in settings
            ]
            spelled = ", ".join(f"{name}={_shown(value)}" for name, value in zip(order, unnamed, strict=False))
            theirs = f" (the published class takes {', '.join(published.values())})" if published else ""
            raise TypeError(
                f"expected settings by name, as in {type(self).__name__}({spelled}), got {len(unnamed)} without a name"
                + theirs
            )
        init(self, **settings)

    return checked


def _shown(value: Any) -> str:
    return f"tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) and value.numel() != 1 else repr(value)
