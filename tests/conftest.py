"""What holds for every test: nothing leaves this machine.

An audit hook sees each connection and each name look-up before it happens, whichever library asks. It
does not see native code that opens sockets by itself.
"""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Iterator
from typing import Any

import pytest

_LOCAL_NAMES = {"", "localhost", "localhost.localdomain", "testserver"}
_open_network = False


class NetworkBlocked(RuntimeError):
    """A test tried to reach another machine."""


def _is_local(host: object) -> bool:
    if host is None:
        return True
    name = host.decode() if isinstance(host, bytes) else str(host)
    if name in _LOCAL_NAMES:
        return True
    try:
        address = ipaddress.ip_address(name.split("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _refuse_strangers(event: str, args: tuple[Any, ...]) -> None:
    if _open_network or event not in {"socket.connect", "socket.getaddrinfo", "socket.sendto"}:
        return
    target = args[0] if event == "socket.getaddrinfo" else args[1]
    if event != "socket.getaddrinfo":
        if not isinstance(target, tuple):  # a Unix socket's path
            return
        target = target[0]
    if not _is_local(target):
        raise NetworkBlocked(f"{event} to {target!r}: tests stay on this machine (mark `live` to allow it)")


sys.addaudithook(_refuse_strangers)


@pytest.fixture(autouse=True)
def _network(request: pytest.FixtureRequest) -> Iterator[None]:
    """Opens the network for tests marked `live`, and only for them."""
    global _open_network
    _open_network = request.node.get_closest_marker("live") is not None
    yield
    _open_network = False


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves `live` tests out unless `-m` asks for them."""
    if "live" in str(config.getoption("markexpr")):
        return
    live = [item for item in items if item.get_closest_marker("live")]
    if live:
        config.hook.pytest_deselected(items=live)
        items[:] = [item for item in items if item not in live]
