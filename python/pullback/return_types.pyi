# Written by tools/stubs.py from the operator table; do not edit.
# Longer than 600 lines because every overload of every operator has a line here.

from pullback._core import Tensor, _return_types

aminmax = _return_types.aminmax
cholesky_ex = _return_types.cholesky_ex
cummax = _return_types.cummax
cummin = _return_types.cummin
eig = _return_types.eig
eigh = _return_types.eigh
frexp = _return_types.frexp
geqrf = _return_types.geqrf
inv_ex = _return_types.inv_ex
kthvalue = _return_types.kthvalue
ldl_factor = _return_types.ldl_factor
ldl_factor_ex = _return_types.ldl_factor_ex
lstsq = _return_types.lstsq
lu = _return_types.lu
lu_factor = _return_types.lu_factor
lu_factor_ex = _return_types.lu_factor_ex
lu_unpack = _return_types.lu_unpack
max = _return_types.max
median = _return_types.median
min = _return_types.min
mode = _return_types.mode
nanmedian = _return_types.nanmedian
qr = _return_types.qr
slogdet = _return_types.slogdet
solve_ex = _return_types.solve_ex
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
