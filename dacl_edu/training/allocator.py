"""Memory that a training step frees stays with the process for the next step, which asks for the same again."""

from __future__ import annotations

import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # glibc's malloc.h
KEPT = 2**31 - 1
"""Bytes of free memory at the end of the heap that are not given back; mallopt takes no larger number."""
MAPPED = (2**30, 2**25)
"""From how many bytes on memory is mapped, and given back when freed; glibc before 2.35 refuses more than 2^25."""


def keep_freed_memory() -> bool:
    """Tell the C library to keep freed memory for the next request; return whether it will (glibc alone can).

    By default glibc gives each large array back to the system when it is freed, and the next one starts with pages that
    the system has to clear first: a step of ``quick`` on a CPU took 40,000 page faults and a quarter of its time for
    that (``dacl-edu bench train`` measures the step). The price: the process holds on to the most it has used, and only
    arrays of a gigabyte and more go back. No number that is computed changes.

    Examples
    --------
    >>> keep_freed_memory() in (True, False)
    True
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    mapped = any(mallopt(M_MMAP_THRESHOLD, size) for size in MAPPED)
    return bool(mallopt(M_TRIM_THRESHOLD, KEPT)) and mapped
