# Written by tools/stubs.py from the operator table; do not edit.
# Longer than 600 lines because every overload of every operator has a line here.

from pullback._core import Tensor, _return_types

aminmax = _return_types.aminmax
cummax = _return_types.cummax
cummin = _return_types.cummin
frexp = _return_types.frexp
geqrf = _return_types.geqrf
kthvalue = _return_types.kthvalue
linalg_cholesky_ex = _return_types.linalg_cholesky_ex
linalg_eig = _return_types.linalg_eig
linalg_eigh = _return_types.linalg_eigh
linalg_inv_ex = _return_types.linalg_inv_ex
linalg_ldl_factor = _return_types.linalg_ldl_factor
linalg_ldl_factor_ex = _return_types.linalg_ldl_factor_ex
linalg_lstsq = _return_types.linalg_lstsq
linalg_lu = _return_types.linalg_lu
linalg_lu_factor = _return_types.linalg_lu_factor
linalg_lu_factor_ex = _return_types.linalg_lu_factor_ex
linalg_qr = _return_types.linalg_qr
linalg_slogdet = _return_types.linalg_slogdet
linalg_solve_ex = _return_types.linalg_solve_ex
linalg_svd = _return_types.linalg_svd
lu_unpack = _return_types.lu_unpack
max = _return_types.max
median = _return_types.median
min = _return_types.min
mode = _return_types.mode
nanmedian = _return_types.nanmedian
qr = _return_types.qr
slogdet = _return_types.slogdet
sort = _return_types.sort
svd = _return_types.svd
topk = _return_types.topk
triangular_solve = _return_types.triangular_solve

class histogram(tuple[Tensor, Tensor]):
    @property
    def hist(self) -> Tensor: ...
    @property
    def bin_edges(self) -> Tensor: ...

class histogramdd(tuple[Tensor, tuple[Tensor, ...]]):
    @property
    def hist(self) -> Tensor: ...
    @property
    def bin_edges(self) -> tuple[Tensor, ...]: ...
