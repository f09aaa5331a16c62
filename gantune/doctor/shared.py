"""Whether a folder is one and the same on all nodes: this machine writes a file, each node reads it and writes it back."""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Token:
    """A file in `folder/.shared-…` whose content nobody can guess."""

    place: Path
    content: str

    @property
    def folder(self) -> Path:
        """The folder that is being tried."""
        return self.place.parent

    def problem(self, node: str, answer: Mapping[str, Any]) -> str | None:
        """What is wrong with the folder on the node with the id `node`, of which `answer` is what `write_back` said there."""
        if answer["failed"] == "read":
            return f"does not see {self.folder} as this machine does ({answer['error']})"
        if answer["failed"] == "write":
            return f"sees {self.folder} and cannot write there ({answer['error']})"
        try:
            came = (self.place / node).read_text()
        except OSError:
            came = ""
        if answer["content"] != self.content or came != self.content:
            return f"has another folder at {self.folder}: what it writes there does not arrive here"
        return None


@contextlib.contextmanager
def made(folder: Path) -> Iterator[None]:
    """The folder, made with those above it where there is none yet, and then not left behind. `OSError` where it cannot be made."""
    own: list[Path] = []
    try:
        for place in reversed([place for place in (folder, *folder.parents) if not place.exists()]):
            with contextlib.suppress(FileExistsError):  # somebody else has just made it
                place.mkdir()
                own.append(place)
        yield
    finally:
        with contextlib.suppress(OSError):  # somebody has put something into it
            for place in reversed(own):
                place.rmdir()


@contextlib.contextmanager
def token_in(folder: Path) -> Iterator[Token]:
    """A token in `folder`, which exists, for as long as the context lasts. `OSError` when this machine cannot write there."""
    place = folder.resolve() / f".shared-{secrets.token_hex(8)}"
    content = secrets.token_hex(16)
    place.mkdir()
    try:
        (place / "token").write_text(content)
        yield Token(place, content)
    finally:
        shutil.rmtree(place, ignore_errors=True)
