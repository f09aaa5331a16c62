"""What of an address may be shown, and which are this machine's."""

from __future__ import annotations

import pytest

from gantune.servers import port_here, shown


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("http://me:secret@head:5000/x", "http://head:5000/x"),
        ("http://me:p@ss@head/x", "http://head/x"),
        ("API request to https://me@h/api failed, see http://a:b@c", "API request to https://h/api failed, see http://c"),
        ("postgresql+psycopg2://me:p%40s@db/mlflow", "postgresql+psycopg2://db/mlflow"),
        ("sqlite:////home/me@work/mlflow.db", "sqlite:////home/me@work/mlflow.db"),
        ("http://head:5000/users/me@work", "http://head:5000/users/me@work"),
    ],
)
def test_logins_are_not_shown(text: str, seen: str) -> None:
    assert shown(text) == seen


@pytest.mark.parametrize(
    ("url", "port"),
    [
        ("http://127.0.0.1:5000", 5000),
        ("http://me:secret@localhost/x", 80),
        ("https://127.0.0.1:5000", None),  # its certificate is not for localhost
        ("http://192.0.2.1:5000", None),
        ("http://127.0.0.1:port", None),
        ("sqlite:///mlflow.db", None),
    ],
)
def test_a_server_of_this_machine_has_a_port_here(url: str, port: int | None) -> None:
    assert port_here(url) == port
