"""``torch.distributed`` over MPI: several processes that exchange tensors.

``mpirun -n 2 python program.py`` starts them, ``init_process_group("mpi")`` lets them meet. mpi4py
is imported then and not before; ``is_available()`` says whether it is installed.

The parts, from the bottom: ``_mpi``; ``_calls`` and ``_work`` (what a call is, whether all make the
same one, waiting); ``_group`` and ``_job`` (processes, beginning and end); ``_reduce_op``,
``_memory`` (tensors as messages), ``_collectives``, ``_exchanges``, ``_p2p``, ``_objects``. On top:
``nn.functional`` (differentiable forms), ``_buckets`` (gradients that travel together),
``algorithms`` (uneven inputs, hooks of communication), ``optim``, and
``pullback.nn.parallel.distributed``.
"""

from __future__ import annotations

from typing import Any

from pullback.distributed._buckets import GradBucket
from pullback.distributed._collectives import all_reduce, barrier, broadcast, reduce
from pullback.distributed._errors import (
    DistBackendError,
    DistError,
    DistNetworkError,
    DistStoreError,
    QueueEmptyError,
)
from pullback.distributed._exchanges import (
    all_gather,
    all_gather_into_tensor,
    all_to_all,
    all_to_all_single,
    gather,
    reduce_scatter,
    reduce_scatter_tensor,
    scatter,
)
from pullback.distributed._group import (
    Backend,
    DebugLevel,
    GroupMember,
    ProcessGroup,
    default_pg_timeout,
    get_backend,
    get_debug_level,
    get_global_rank,
    get_group_rank,
    get_node_local_rank,
    get_process_group_ranks,
    get_rank,
    get_world_size,
    group,
    is_available,
    is_backend_available,
    is_gloo_available,
    is_initialized,
    is_mpi_available,
    is_nccl_available,
    is_torchelastic_launched,
    is_ucc_available,
    set_debug_level,
    set_debug_level_from_env,
)
from pullback.distributed._job import destroy_process_group, init_process_group, new_group
from pullback.distributed._objects import (
    all_gather_object,
    broadcast_object_list,
    gather_object,
    recv_object_list,
    scatter_object_list,
    send_object_list,
)
from pullback.distributed._p2p import (
    P2POp,
    batch_isend_irecv,
    irecv,
    isend,
    monitored_barrier,
    recv,
    send,
)
from pullback.distributed._reduce_op import ReduceOp
from pullback.distributed._work import Work

__all__ = [
    "Backend",
    "DebugLevel",
    "DistBackendError",
    "DistError",
    "DistNetworkError",
    "DistStoreError",
    "GradBucket",
    "GroupMember",
    "P2POp",
    "ProcessGroup",
    "QueueEmptyError",
    "ReduceOp",
    "Work",
    "all_gather",
    "all_gather_into_tensor",
    "all_gather_object",
    "all_reduce",
    "all_to_all",
    "all_to_all_single",
    "barrier",
    "batch_isend_irecv",
    "broadcast",
    "broadcast_object_list",
    "default_pg_timeout",
    "destroy_process_group",
    "gather",
    "gather_object",
    "get_backend",
    "get_debug_level",
    "get_global_rank",
    "get_group_rank",
    "get_node_local_rank",
    "get_process_group_ranks",
    "get_rank",
    "get_world_size",
    "group",
    "init_device_mesh",
    "init_process_group",
    "irecv",
    "is_available",
    "is_backend_available",
    "is_gloo_available",
    "is_initialized",
    "is_mpi_available",
    "is_nccl_available",
    "is_torchelastic_launched",
    "is_ucc_available",
    "isend",
    "monitored_barrier",
    "new_group",
    "recv",
    "recv_object_list",
    "reduce",
    "reduce_scatter",
    "reduce_scatter_tensor",
    "scatter",
    "scatter_object_list",
    "send",
    "send_object_list",
    "set_debug_level",
    "set_debug_level_from_env",
]


def init_device_mesh(device_type: str, mesh_shape: Any, **others: Any) -> Any:
    """Refused: there are no meshes.

    Raises:
        NotImplementedError: always.
    """
    raise NotImplementedError(
        f"init_device_mesh({device_type!r}, {mesh_shape!r}): pullback has data parallelism over "
        "process groups, and no device meshes. Make the groups with new_group."
    )
