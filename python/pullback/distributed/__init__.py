"""``torch.distributed``: there is one process, and it says so.

``is_available`` and ``is_initialized`` are False, which is what programs ask first; what needs
other processes raises.
"""

from __future__ import annotations

from pullback._missing import refusing

__all__ = [
    "ProcessGroup",
    "ReduceOp",
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
    "destroy_process_group",
    "gather",
    "gather_object",
    "get_backend",
    "get_global_rank",
    "get_group_rank",
    "get_process_group_ranks",
    "get_rank",
    "get_world_size",
    "group",
    "init_device_mesh",
    "init_process_group",
    "irecv",
    "is_available",
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
]


def is_available() -> bool:
    """Always False.

    Example:
        >>> import pullback as pb
        >>> pb.distributed.is_available(), pb.distributed.is_initialized()
        (False, False)
    """
    return False


is_initialized = is_gloo_available = is_mpi_available = is_nccl_available = is_available
is_torchelastic_launched = is_ucc_available = is_available


all_gather = refusing("distributed.all_gather")
all_gather_into_tensor = refusing("distributed.all_gather_into_tensor")
all_gather_object = refusing("distributed.all_gather_object")
all_reduce = refusing("distributed.all_reduce")
all_to_all = refusing("distributed.all_to_all")
all_to_all_single = refusing("distributed.all_to_all_single")
barrier = refusing("distributed.barrier")
batch_isend_irecv = refusing("distributed.batch_isend_irecv")
broadcast = refusing("distributed.broadcast")
broadcast_object_list = refusing("distributed.broadcast_object_list")
destroy_process_group = refusing("distributed.destroy_process_group")
gather = refusing("distributed.gather")
gather_object = refusing("distributed.gather_object")
get_backend = refusing("distributed.get_backend")
get_global_rank = refusing("distributed.get_global_rank")
get_group_rank = refusing("distributed.get_group_rank")
get_process_group_ranks = refusing("distributed.get_process_group_ranks")
get_rank = refusing("distributed.get_rank")
get_world_size = refusing("distributed.get_world_size")
init_device_mesh = refusing("distributed.init_device_mesh")
init_process_group = refusing("distributed.init_process_group")
irecv = refusing("distributed.irecv")
isend = refusing("distributed.isend")
monitored_barrier = refusing("distributed.monitored_barrier")
new_group = refusing("distributed.new_group")
recv = refusing("distributed.recv")
recv_object_list = refusing("distributed.recv_object_list")
reduce = refusing("distributed.reduce")
reduce_scatter = refusing("distributed.reduce_scatter")
reduce_scatter_tensor = refusing("distributed.reduce_scatter_tensor")
scatter = refusing("distributed.scatter")
scatter_object_list = refusing("distributed.scatter_object_list")
send = refusing("distributed.send")


class ReduceOp:
    """How values of several processes are combined."""

    SUM, AVG, PRODUCT, MIN, MAX, BAND, BOR, BXOR, PREMUL_SUM = range(9)


class group:
    """The group of all processes: there is none."""

    WORLD = None


class ProcessGroup:
    """The type of groups, of which there are none."""
