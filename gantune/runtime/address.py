"""RAY_ADDRESS: what it may be, and whether somebody is there."""

from __future__ import annotations

import socket

ALONE = "local"  # starts Ray on this machine
NAMED = ("auto", ALONE)  # addresses that Ray resolves itself
NO_CLIENT = "Ray Client cannot run Tune: give the head's host:6379, or unset RAY_ADDRESS."


def knock(address: str, seconds: float) -> None:
    """Connect to HOST:PORT once; [HOST] for IPv6. `OSError` when nothing listens there, `ValueError` when it is no such address."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise ValueError("an address is HOST:PORT")
    socket.create_connection((host.strip("[]"), int(port)), timeout=seconds).close()
