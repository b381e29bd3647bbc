"""Runs in every process of a job: all functions ``check_...`` of the modules that are named.

The first process prints what failed where, as a line of JSON.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
import traceback
from datetime import timedelta

import pullback.distributed as dist


def main() -> None:
    dist.init_process_group("mpi", timeout=timedelta(seconds=60))
    outcomes: dict[str, list[str]] = {}
    for module in sys.argv[1:]:
        found = dict(vars(importlib.import_module(module)))
        for name, check in found.items():
            if not name.startswith("check_"):
                continue
            error, start = "", time.monotonic()
            try:
                check()
            except BaseException:  # noqa: BLE001 - also what pytest raises
                error = traceback.format_exc()
            if dist.get_rank() == 0:
                took = time.monotonic() - start
                print(f"{name}: {took:.1f} s {error}", file=sys.stderr, flush=True)
            all_errors: list[str] = [""] * dist.get_world_size()
            dist.all_gather_object(all_errors, error)
            outcomes[name] = [f"rank {r}: {e}" for r, e in enumerate(all_errors) if e]
    if dist.get_rank() == 0:
        print("outcomes", json.dumps(outcomes), flush=True)
    dist.destroy_process_group()


main()
