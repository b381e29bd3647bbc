"""``torch.distributed.rpc``: nothing is called in other processes, and ``is_available`` says so."""

from __future__ import annotations

from pullback._missing import refusing

__all__ = [
    "get_worker_info",
    "init_rpc",
    "is_available",
    "remote",
    "rpc_async",
    "rpc_sync",
    "shutdown",
]


def is_available() -> bool:
    """Always False.

    Example:
        >>> from pullback.distributed import rpc
        >>> rpc.is_available()
        False
    """
    return False


get_worker_info = refusing("distributed.rpc.get_worker_info")
init_rpc = refusing("distributed.rpc.init_rpc")
remote = refusing("distributed.rpc.remote")
rpc_async = refusing("distributed.rpc.rpc_async")
rpc_sync = refusing("distributed.rpc.rpc_sync")
shutdown = refusing("distributed.rpc.shutdown")
