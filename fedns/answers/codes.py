"""The numbers of DNS that fedns uses, from the IANA registries; nothing but constants."""

from typing import Final

# Opcodes (RFC 1035, 1996, 2136).
QUERY: Final = 0

# Response codes (RFC 1035, 2136, 6891, 7873). Those above 15 need EDNS: their upper bits stand in the OPT record.
NOERROR: Final = 0
FORMERR: Final = 1
SERVFAIL: Final = 2
NXDOMAIN: Final = 3
NOTIMP: Final = 4
REFUSED: Final = 5
NOTAUTH: Final = 9
BADVERS: Final = 16
BADCOOKIE: Final = 23

# Classes.
IN: Final = 1
CH: Final = 3
ANY_CLASS: Final = 255

# Record types.
A: Final = 1
NS: Final = 2
CNAME: Final = 5
SOA: Final = 6
PTR: Final = 12
HINFO: Final = 13
MX: Final = 15
TXT: Final = 16
AAAA: Final = 28
SRV: Final = 33
OPT: Final = 41
SVCB: Final = 64
HTTPS: Final = 65
TSIG: Final = 250
IXFR: Final = 251
AXFR: Final = 252
ANY: Final = 255

# Bits of the second 16 bits of the header.
QR: Final = 0x8000
AA: Final = 0x0400
TC: Final = 0x0200
RD: Final = 0x0100

# EDNS option codes.
NSID: Final = 3
CLIENT_SUBNET: Final = 8
COOKIE: Final = 10
TCP_KEEPALIVE: Final = 11
PADDING: Final = 12
EDE: Final = 15
LOCATION: Final = 65_353
"""Of the range for local use: where the client of a trusted sidecar is, as words like `cluster=eu1 zone=eu-a`."""

# Extended DNS error codes (RFC 8914).
EDE_OTHER: Final = 0
EDE_STALE_ANSWER: Final = 3
EDE_NOT_READY: Final = 14
EDE_BLOCKED: Final = 15
EDE_FILTERED: Final = 17
EDE_PROHIBITED: Final = 18
EDE_STALE_NXDOMAIN: Final = 19
EDE_NOT_AUTHORITATIVE: Final = 20
EDE_NO_REACHABLE_AUTHORITY: Final = 22
EDE_NETWORK_ERROR: Final = 23
