"""Servers that an address names: which are this machine's, and what of the address may be shown."""

from __future__ import annotations

import re
import socket
from urllib.parse import urlsplit

LOGIN = re.compile(r"(?<=://)[^/\s]*@")  # user:password@


def is_here(host: str) -> bool:
    """Whether it is an address of this machine: only then can a socket be bound to it."""
    try:
        with socket.socket() as probe:
            probe.bind((host, 0))
    except OSError:
        return False
    return True


def port_here(url: str) -> int | None:
    """The port of this machine that an http:// address leads to; None where it leads elsewhere, or is no such address."""
    try:
        parts = urlsplit(url)
        here = parts.scheme == "http" and bool(parts.hostname) and is_here(parts.hostname or "")
        return (parts.port or 80) if here else None
    except ValueError:
        return None


def shown(text: str) -> str:
    """A text without the logins in the addresses that it holds."""
    return LOGIN.sub("", text)
