"""``torch.distributed.elastic``: the one decorator that programs put on their main function."""
