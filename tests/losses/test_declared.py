"""What the source of a loss says is what the class has."""

import inspect
from types import UnionType
from typing import get_args, get_type_hints

import pytest
from torch import Tensor

from lopsided.losses import declared as module
from lopsided.losses.catalogue import CATALOGUE
from lopsided.losses.declared import declared


def kind_of(hint):
    return next(kind for kind in get_args(hint) if kind not in (Tensor, type(None))) if get_args(hint) else hint


@pytest.mark.parametrize("name", CATALOGUE)
def test_settings_have_the_defaults_and_types_of_the_constructor(name):
    entry = CATALOGUE[name]
    wanted, hints = inspect.signature(entry.module).parameters, get_type_hints(entry.module.__init__)
    for setting, found in entry.parameters.items():
        assert found.default == wanted[setting].default
        assert type(found.default) is type(wanted[setting].default)
        hint = hints[setting]
        assert found.kind == (kind_of(hint) if isinstance(hint, UnionType) or type(None) in get_args(hint) else hint)


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_docstring_is_that_of_the_class(name):
    assert CATALOGUE[name].doc == inspect.getdoc(CATALOGUE[name].module)


def test_a_name_that_no_module_assigns_is_told_with_the_module():
    with pytest.raises(LookupError, match="expected lopsided.losses.formula to say what NOTHING is"):
        module._meaning("NOTHING", "lopsided.losses.formula")


def test_a_class_that_is_not_there_is_no_loss():
    with pytest.raises(ValueError, match="unpack"):
        declared("lopsided.losses.asymmetric:NoSuchLoss")
