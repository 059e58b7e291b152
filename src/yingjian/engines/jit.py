"""One door to the compiler, so that types stay strict and a read-only disk is no reason to fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., object])


def compiled(function: Function) -> Function:
    """Compile on first call, release the interpreter lock, keep the machine code beside the source.

    Where neither the source's folder nor the user's cache can be written, compile in every process.
    """
    try:
        return cast(Function, numba.njit(cache=True, nogil=True)(function))
    except RuntimeError:  # no place for the cache
        return cast(Function, numba.njit(nogil=True)(function))
