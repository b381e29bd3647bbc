# Written by tools/stubs.py from the operator table; do not edit.
# Longer than 600 lines because every overload of every operator has a line here.

from pullback._core import _return_types

aminmax = _return_types.aminmax
cummax = _return_types.cummax
cummin = _return_types.cummin
kthvalue = _return_types.kthvalue
max = _return_types.max
median = _return_types.median
min = _return_types.min
mode = _return_types.mode
nanmedian = _return_types.nanmedian
sort = _return_types.sort
topk = _return_types.topk
