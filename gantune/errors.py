"""The one exception that stands for a user's mistake."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """Something the user gave cannot work; the message says where, what was given, what is allowed.

    The command line prints it without a traceback and exits with code 2.
    """


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """A hint such as ``Did you mean "dcgan"?``, or the sorted list of what exists."""
    names = sorted(known)
    close = difflib.get_close_matches(given, names, n=1, cutoff=0.6)
    if close:
        return f'Did you mean "{close[0]}"?'
    return f"There is: {', '.join(names)}."
