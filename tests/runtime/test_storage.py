"""Which checkpoints go when there is too little room: the decision alone."""

from __future__ import annotations

import pytest

from gantune.runtime.storage import Files, Held, State, size, to_let_go

BOTH: Files = {"last.pt": (1, 10), "best.pt": (2, 10), "generator.safetensors": (3, 2)}
LINKED: Files = {"last.pt": (1, 10), "best.pt": (1, 10), "generator.safetensors": (3, 2)}
ALL = ["last.pt", "best.pt", "generator.safetensors"]


def held(**states: tuple[State, Files]) -> list[Held]:
    return [Held(name, state, files) for name, (state, files) in states.items()]


@pytest.mark.parametrize(
    ("trials", "limit", "going", "left"),
    [
        ({"w": ("ended", BOTH), "b": ("ended", BOTH)}, 44, [], 44),
        ({"w": ("ended", BOTH), "b": ("ended", BOTH)}, 43, [("w", ["last.pt"])], 34),
        ({"w": ("ended", BOTH), "b": ("ended", BOTH)}, 24, [("w", ["last.pt"]), ("b", ["last.pt"])], 24),
        ({"w": ("ended", BOTH), "b": ("ended", BOTH)}, 23, [("w", ALL), ("b", ["last.pt"])], 12),
        ({"w": ("ended", BOTH), "b": ("ended", BOTH)}, 0, [("w", ALL), ("b", ALL)], 0),
        # last.pt of a linked pair frees nothing, so that it stays until both go
        ({"w": ("ended", LINKED), "b": ("ended", BOTH)}, 33, [("b", ["last.pt"])], 24),
        ({"w": ("ended", LINKED), "b": ("ended", BOTH)}, 20, [("b", ["last.pt"]), ("w", ALL)], 12),
        # what runs, or will go on, is not touched, however bad it is
        ({"w": ("open", BOTH), "b": ("ended", BOTH)}, 23, [("b", ALL)], 22),
        ({"w": ("open", BOTH), "b": ("open", BOTH)}, 5, [], 44),
        # of what is still needed only the last checkpoint
        ({"w": ("needed", BOTH), "b": ("needed", BOTH)}, 5, [("w", ["last.pt"]), ("b", ["last.pt"])], 24),
        ({"w": ("needed", LINKED)}, 5, [], 12),
        # a population's checkpoints stay, and so does what is another name of one
        ({"w": ("ended", {"kimg_12.pt": (1, 10), "best.pt": (1, 10), "last.pt": (2, 10)})}, 0, [("w", ["last.pt"])], 10),
        ({"w": ("ended", {"kimg_12.pt": (1, 10), "best.pt": (2, 10)})}, 15, [("w", ["best.pt"])], 10),
        ({"w": ("ended", {}), "b": ("ended", BOTH)}, 21, [("b", ["last.pt"])], 12),
    ],
)
def test_what_goes(trials: dict[str, tuple[State, Files]], limit: int, going: list[tuple[str, list[str]]], left: int) -> None:
    assert to_let_go(held(**trials), limit) == (going, left)


def test_hard_links_are_counted_once() -> None:
    assert (size(BOTH), size(LINKED)) == (22, 12)
