"""One finding of the doctor's."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """`mend` says what to do when it is not ok; `node` is the cluster's node that it is about, empty for this machine or the whole."""

    name: str
    ok: bool
    found: str
    mend: str = ""
    node: str = ""
