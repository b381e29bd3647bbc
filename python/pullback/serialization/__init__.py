"""Saving and loading: torch's files in both directions.

A file is a zip archive of a pickle, which refers to memory by keys, and of that memory.
``weights_only=True``, the default of ``load``, reads it with an unpickler that runs nothing
(``_unpickler.py``).
"""

from pullback.serialization._allowed import (
    add_safe_globals,
    clear_safe_globals,
    get_safe_globals,
    safe_globals,
)
from pullback.serialization._legacy import SourceChangeWarning
from pullback.serialization._load import get_unsafe_globals_in_checkpoint, load
from pullback.serialization._locations import (
    MAP_LOCATION,
    default_restore_location,
    location_tag,
    register_package,
)
from pullback.serialization._options import (
    LoadEndianness,
    get_crc32_options,
    get_default_load_endianness,
    get_default_mmap_options,
    set_crc32_options,
    set_default_load_endianness,
    set_default_mmap_options,
    skip_data,
)
from pullback.serialization._save import DEFAULT_PROTOCOL, save

__all__ = [
    "DEFAULT_PROTOCOL",
    "MAP_LOCATION",
    "LoadEndianness",
    "SourceChangeWarning",
    "add_safe_globals",
    "clear_safe_globals",
    "default_restore_location",
    "get_crc32_options",
    "get_default_load_endianness",
    "get_default_mmap_options",
    "get_safe_globals",
    "get_unsafe_globals_in_checkpoint",
    "load",
    "location_tag",
    "register_package",
    "safe_globals",
    "save",
    "set_crc32_options",
    "set_default_load_endianness",
    "set_default_mmap_options",
    "skip_data",
]
