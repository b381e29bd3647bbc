"""How samples become a batch, under PyTorch's path."""

from __future__ import annotations

import re

from pullback.utils.data._collate import REFUSAL, default_collate, default_convert

__all__ = ["default_collate", "default_convert"]

np_str_obj_array_pattern = re.compile("[SaUO]")  # the kinds of arrays that become no tensor
default_collate_err_msg_format = REFUSAL
