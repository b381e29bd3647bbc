"""``fill_uninitialized_memory``: PyTorch fills new memory when algorithms are to be deterministic.

Here ``empty`` never does; what is made has no values until it is written.
"""

fill_uninitialized_memory = False
