"""Stores around stores: the same ports, with something held back (`dryrun`) or gone wrong on purpose (`faults`)."""
