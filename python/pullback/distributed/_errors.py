"""The errors of ``pullback.distributed``, under torch's names."""

from __future__ import annotations

__all__ = ["DistBackendError", "DistError", "DistNetworkError", "DistStoreError", "QueueEmptyError"]


class DistError(RuntimeError):
    """Processes could not do together what they were asked for.

    ``everywhere`` is True where every process of the group raises the same error.
    """

    everywhere = False


class DistBackendError(DistError):
    """A collective that ran out of time, or that the processes did not agree about."""


class DistNetworkError(DistError):
    """Not raised: what MPI reports is a ``DistBackendError``."""


class DistStoreError(DistError):
    """Not raised: there is no store."""


class QueueEmptyError(DistStoreError):
    """Not raised: there is no store."""
