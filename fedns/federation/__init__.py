"""What exists in the federation and who should answer: pure values and functions.

Nothing here does IO, reads a clock (`now` is an argument, in seconds of CLOCK_MONOTONIC) or draws chance.
"""
