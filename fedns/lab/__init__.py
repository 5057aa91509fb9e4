"""The simulated world: Kubernetes API servers that the real `kubectl` can use, with faults on demand.

It stands above everything else: nothing outside `cli` and the tests imports it.
"""
