"""Questions in, answers out: the wire codec, the grammar of names, and what a worker needs to answer.

Pure: no IO, no clock (`now` is an argument, in seconds of CLOCK_MONOTONIC), no chance, no log. One function is the door
from the transports: `fedns.answers.respond.respond`.
"""
