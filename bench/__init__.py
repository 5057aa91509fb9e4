"""Benchmarks: ratios against a peer that has the same data in the same run; nothing here is asserted by tests."""
