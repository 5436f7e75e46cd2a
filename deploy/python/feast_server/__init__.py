"""The feature server of Feast repositories as one binary, and the online store of Python Feast that goes through it.

`find_feast_server` gives the path of the binary. `RustOnlineStore` and `RustOnlineStoreConfig` are for `online_store.type` in
`feature_store.yaml`; Feast is imported only when one of them is asked for, as the binary needs no Python package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from feast_server._binary import find_feast_server

if TYPE_CHECKING:
    from feast_server.online_store import RustOnlineStore, RustOnlineStoreConfig

__all__ = ["RustOnlineStore", "RustOnlineStoreConfig", "find_feast_server"]


def __getattr__(name: str) -> object:
    if name in ("RustOnlineStore", "RustOnlineStoreConfig"):
        from feast_server import online_store

        return getattr(online_store, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
