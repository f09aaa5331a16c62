"""The YAML reader: YAML 1.2, safe, with lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gantune.errors import UserError
from gantune.yaml_file import parse_value, parse_yaml, read_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-5", 1e-5),
        ("2E4", 2e4),
        (".5", 0.5),
        ("012", 12),  # octal in YAML 1.1
        ("1:30", "1:30"),  # 90 in YAML 1.1
        ("no", "no"),  # false in YAML 1.1
        ("on", "on"),
        ("true", True),
        ("null", None),
        ("[1, {a: 2}]", [1, {"a": 2}]),
        ("a b", "a b"),
    ],
)
def test_values_are_those_of_yaml_1_2(text: str, value: Any) -> None:
    assert parse_value(text, "") == value
    assert type(parse_value(text, "")) is type(value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3", 's.yaml, line 3: duplicate key "a".'),
        ("a: {b: 1, b: 2}", 's.yaml, line 1: duplicate key "b".'),
        ("a: 1\nb: [1, 2\nc: 3", "s.yaml, line 3: not valid YAML: expected ',' or ']'"),
        ("a: 1\n  b: 2", "s.yaml, line 2: not valid YAML"),
        ("a: *nowhere", "s.yaml, line 1: not valid YAML"),
        ("a: 2024-13-45", "s.yaml: not valid YAML: month must be in 1..12"),
        ("- 1\n- 2", "s.yaml: a mapping of keys to values is needed, got a list."),
        ("just text", "s.yaml: a mapping of keys to values is needed, got a text."),
        ("", "s.yaml: the file is empty."),
        ("# nothing", "s.yaml: the file is empty."),
        ("a: 1\n3: 4", "s.yaml, line 2: a key is a name, got 3."),
        ("a: 1\n--- \nb: 2", "not valid YAML"),
        ("a: \x01", "not valid YAML"),
    ],
)
def test_mistakes_name_file_and_line(text: str, expected: str) -> None:
    with pytest.raises(UserError) as raised:
        parse_yaml(text, "s.yaml")
    assert expected in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.mkdir [owned]", "!!python/name:os.system ''", "!own {a: 1}"])
def test_no_tag_runs_anything(tag: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="not valid YAML"):
        parse_yaml(f"a: {tag}", "s.yaml")
    assert list(tmp_path.iterdir()) == []


def test_lines_of_keys_and_of_what_is_missing() -> None:
    file = parse_yaml("a: 1\nb:\n  c: {d: 2}\n  e:\n    - 1\n    - 2\n", "s.yaml")
    assert file.where(("b", "c", "d")) == "s.yaml, line 3: b.c.d: "
    assert file.where(("b", "e", 1)) == "s.yaml, line 6: b.e.1: "
    assert file.where(("b", "x")) == "s.yaml, line 2: b.x: "
    assert file.where(("x",)) == "s.yaml: x: "
    assert file.where() == "s.yaml: "


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00a")
    (tmp_path / "large.yaml").write_text("a: 1\n" + "#" * 1_100_000)
    for name, expected in [("none.yaml", "No such file"), (".", "directory"), ("binary.yaml", "UTF-8"), ("large.yaml", "larger than 1 MB")]:
        with pytest.raises(UserError, match=expected):
            read_yaml(tmp_path / name)
