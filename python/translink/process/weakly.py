"""Callbacks that do not keep their owner.

What a part is given to call its owner back with is a bound method as a rule, and that holds the owner,
which holds the part: a cycle, which only the garbage collector frees. A collection of everything takes
tens of milliseconds with a thousand legs, so an ended call is to be freed by the last reference to it.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def weakly(method: Callable[P, R], gone: R) -> Callable[P, R]:
    """As the bound `method`, which it does not keep alive; gives `gone` once its object is no more.
    Raises `TypeError` for what is no bound method of a Python object."""
    reference = weakref.WeakMethod(method)

    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        bound = reference()
        return gone if bound is None else bound(*args, **kwargs)

    return call
