"""Keep freed memory in the process: training on the CPU allocates the same tensors again in every step."""

from __future__ import annotations

import ctypes
import functools
import platform

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3  # glibc's malloc.h


@functools.cache
def keep_freed_memory() -> bool:
    """Tell glibc neither to map large blocks one by one nor to hand freed ones back; whether it took the advice.

    Otherwise every step pays a page fault for each 4 KiB of its activations (over a thousand for a small DCGAN).
    Other C libraries are left as they are.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    libc = ctypes.CDLL(None)
    advice = {M_MMAP_THRESHOLD: 1 << 30, M_TRIM_THRESHOLD: 2**31 - 1, M_TOP_PAD: 64 << 20}
    return all(libc.mallopt(ctypes.c_int(which), ctypes.c_int(value)) == 1 for which, value in advice.items())
