"""Prints for each name given its addresses by glibc's getaddrinfo, or "-" where there are none."""

import socket
import sys

for name in sys.argv[1:]:
    try:
        found = [str(each[4][0]) for each in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)]
    except socket.gaierror:
        found = ["-"]
    sys.stdout.write(f"{name} {' '.join(found)}\n")
