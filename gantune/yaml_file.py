"""The one reader of YAML files: YAML 1.2, safe, and able to say on which line a key stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from gantune.errors import UserError

LARGEST = 1_000_000  # bytes; a settings file is some hundred


@dataclass(frozen=True)
class YamlFile:
    """The content of a file and the line of each of its keys; `shown` is how messages call it."""

    shown: str
    content: dict[str, Any]
    lines: dict[tuple[str, ...], int] = field(default_factory=dict)

    def where(self, keys: Sequence[str | int] = ()) -> str:
        """`sweeps/dcgan.yaml, line 5: budget.trials: `, with the line of the deepest of `keys` that the file has."""
        path = tuple(str(key) for key in keys)
        line = next((self.lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in self.lines), None)
        place = self.shown if line is None else f"{self.shown}, line {line}"
        return f"{place}: {'.'.join(path)}: " if path else f"{place}: "


def read_yaml(path: Path, shown: str = "") -> YamlFile:
    """The mapping in the file at `path`. `UserError` when it cannot be read, is no YAML (with the line) or no mapping."""
    shown = shown or str(path)
    try:
        if path.stat().st_size > LARGEST:
            raise UserError(f"{shown}: larger than {LARGEST / 1e6:g} MB; that is no settings file.")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{shown}: cannot be read: {error.strerror or error}.") from None
    except UnicodeDecodeError:
        raise UserError(f"{shown}: not a text file in UTF-8.") from None
    return parse_yaml(text, shown)


def parse_yaml(text: str, shown: str) -> YamlFile:
    """The mapping in `text`; errors name `shown` and the line."""
    content = _load(text, shown)
    if content is None:
        raise UserError(f"{shown}: the file is empty.")
    if not isinstance(content, dict):
        raise UserError(f"{shown}: a mapping of keys to values is needed, got a {_noun(content)}.")
    lines: dict[tuple[str, ...], int] = {}
    _check_tree(content, shown)
    _number_lines(YAML(typ="safe", pure=True).compose(text), (), lines)
    for key in content:
        if not isinstance(key, str):
            raise UserError(f"{shown}, line {lines.get((str(key),), 1)}: a key is a name, got {key!r}.")
    return YamlFile(shown, content, lines)


def parse_value(text: str, shown: str) -> Any:
    """One value as it would stand in a file: `1e-5` a number, `[1, 2]` a list, `a b` a text."""
    value = _load(text, shown)
    _check_tree(value, shown)
    return value


def _load(text: str, shown: str) -> Any:
    try:
        return YAML(typ="safe", pure=True).load(text)
    except DuplicateKeyError as error:
        what = (error.problem or "a key stands twice").partition(" with value")[0].replace("found duplicate key", "duplicate key")
        raise UserError(f"{shown}, line {_line(error)}: {what}.") from None
    except MarkedYAMLError as error:
        raise UserError(f"{shown}, line {_line(error)}: not valid YAML: {error.problem or error.context}.") from None
    except RecursionError:
        raise UserError(f"{shown}: nested too deeply for a settings file.") from None
    except (YAMLError, ValueError) as error:  # a value such as the date 2024-13-45
        raise UserError(f"{shown}: not valid YAML: {str(error).splitlines()[0]}.") from None


def _check_tree(value: Any, shown: str, above: tuple[int, ...] = (), done: set[int] | None = None) -> None:
    """`UserError` where a part holds itself, as anchors can make it. Parts that stand in several places are looked at once."""
    done = set() if done is None else done
    if id(value) in above:
        raise UserError(f"{shown}: an anchor (&, *) makes a value hold itself.")
    if not isinstance(value, (dict, list)) or id(value) in done:
        return
    done.add(id(value))
    for part in value.values() if isinstance(value, dict) else value:
        _check_tree(part, shown, (*above, id(value)), done)


def _line(error: MarkedYAMLError) -> int:
    mark = error.problem_mark or error.context_mark
    return int(mark.line) + 1 if mark is not None else 1


def _number_lines(node: Node | None, above: tuple[str, ...], lines: dict[tuple[str, ...], int]) -> None:
    if isinstance(node, MappingNode):
        for key, value in node.value:
            path = (*above, str(key.value))
            lines[path] = key.start_mark.line + 1
            _number_lines(value, path, lines)
    elif isinstance(node, SequenceNode):
        for index, value in enumerate(node.value):
            path = (*above, str(index))
            lines[path] = value.start_mark.line + 1
            _number_lines(value, path, lines)


def _noun(value: Any) -> str:
    return {list: "list", str: "text", int: "number", float: "number", bool: "truth value"}.get(type(value), type(value).__name__)
