"""``torch.distributed.device_mesh``: there are no devices to put into a grid."""

from __future__ import annotations

from typing import Any

from pullback._missing import refuse, refusing

__all__ = ["DeviceMesh", "init_device_mesh"]


class DeviceMesh:
    """A grid of devices: raises when it is made."""

    def __init__(self, *_: Any, **__: Any) -> None:
        refuse("distributed.device_mesh.DeviceMesh")


init_device_mesh = refusing("distributed.device_mesh.init_device_mesh")
