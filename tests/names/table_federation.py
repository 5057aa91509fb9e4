"""The names of the federation zone and of those that lead to it, and which response code means what.

A name rule is called after the part of the name that makes it special, a code rule after what is the matter.
"""

from typing import Final

from tests.names.cases import TCP, Case, clash, pointers, why
from tests.names.worlds import HUB, REFUSED, STRANGER, US

RULES: Final = {
    "name-service": "svc.ns: best placement for the client",
    "name-region": "svc.<region>: the region, else CNAME one level up",
    "name-zone": "svc.<zone>.<region>: the zone, else CNAME one level up",
    "name-cluster": "<cluster>.svc: the cluster, healthy or not",
    "name-host": "<host>.<cluster>.svc: the endpoint",
    "name-pin": "<value>.pin and .prefer, for zone, region and cluster",
    "name-port": "_port._proto before any of them: SRV",
    "name-explain": "_explain before any of them: why",
    "name-whoami": "_whoami: who asks, from where",
    "name-clusters": "_clusters and <cluster>._state: the members",
    "name-reverse": "the names of an address",
    "name-federations": "further federations: other labels, the same services",
    "name-server": "ns.dns: the name server of every zone",
    "name-old": "the in-cluster names of federation v1",
    "code-nodata": "the name exists, the type does not",
    "code-nxdomain": "the name cannot exist",
    "code-unsynced": "the name could exist in a member that was not read yet",
    "code-open": "nothing but what was last known, or unready: that, for five seconds",
    "code-closed": "the same where the policy is closed, or nothing that the client can reach",
    "code-jurisdiction": "a jurisdiction forbids everything",
    "code-refused": "who may not ask, what is not ours, and transfers",
    "code-above": "no records, but names below",
}

CASES: Final = [
    Case("name-service", "web.shop.@F A", ["20 A 10.96.0.1"]),
    Case("name-service", "web.shop.@F AAAA", ["20 AAAA fd00:96::1"]),
    Case("name-region", "web.shop.myfed.svc.us.example.com A", ["20 A 203.0.113.2"]),
    Case(
        "name-region", "web.shop.myfed.svc.ap.example.com A", ["20 CNAME web.shop.@F.", "web.shop.@F. 20 A 10.96.0.1"]
    ),
    Case("name-region", "web.shop.myfed.svc.ap.example.com CNAME", ["20 CNAME web.shop.@F."]),
    Case("name-region", "web.shop.myfed.svc.mars.example.com A", ["NXDOMAIN", "SOA example.com. 7"]),
    Case("name-region", "us.example.com A", ["NODATA", "SOA example.com. 7"]),
    Case("name-zone", "db.shop.myfed.svc.us-b.us.example.com A", ["20 A 10.3.0.1"]),
    Case(
        "name-zone",
        "db.shop.myfed.svc.us-x.us.example.com A",
        [
            "20 CNAME db.shop.myfed.svc.us.example.com.",
            "db.shop.myfed.svc.us.example.com. 20 A 10.2.0.1",
            "db.shop.myfed.svc.us.example.com. 20 A 10.3.0.1",
        ],
    ),
    Case(
        "name-zone",
        "db.shop.myfed.svc.us-x.ap.example.com A",
        [
            "20 CNAME db.shop.myfed.svc.ap.example.com.",
            "db.shop.myfed.svc.ap.example.com. 20 CNAME db.shop.@F.",
            "db.shop.@F. 20 A 10.1.0.1",
        ],
    ),
    Case("name-zone", "idle.shop.myfed.svc.eu-a.eu.example.com A", ["NODATA", "SOA example.com. 7"]),
    Case("name-cluster", "us1.web.shop.@F A", ["20 A 203.0.113.2"]),
    Case("name-cluster", "eu1.idle.shop.@F A", ["20 A 10.1.4.1"]),
    Case("name-cluster", "us1.web.shop.@F A", ["5 A 203.0.113.2", "EDE 3"], world="lost"),
    Case("name-cluster", "us1.hello.shop.@F A", ["NXDOMAIN", "SOA example.com. 7"]),
    Case("name-host", "pet-0.eu1.db.shop.@F A", ["20 A 10.1.0.1"]),
    Case("name-host", "10-1-0-2.eu1.db.shop.@F A", ["20 A 10.1.0.2"]),
    Case("name-host", "pet-0.eu1.web.shop.@F A", ["NXDOMAIN", "SOA example.com. 7"]),
    Case("name-pin", "us.pin._region.db.shop.@F A", ["20 A 10.2.0.1", "20 A 10.3.0.1"]),
    Case("name-pin", "us1.pin._cluster.db.shop.@F A", ["20 A 10.2.0.1"]),
    Case("name-pin", "us1.prefer._cluster.hello.shop.@F A", ["20 A 10.96.0.3"]),
    Case("name-pin", "us1.pin._cluster.hello.shop.@F A", ["NODATA", "SOA example.com. 7"]),
    Case(
        "name-port",
        "_http._tcp.web.shop.@F SRV",
        [
            "20 SRV 0 100 80 eu1.web.shop.@F.",
            "20 SRV 1 100 80 us1.web.shop.@F.",
            "+ eu1.web.shop.@F. 20 A 10.96.0.1",
            "+ eu1.web.shop.@F. 20 AAAA fd00:96::1",
            "+ us1.web.shop.@F. 20 A 203.0.113.2",
        ],
    ),
    Case(
        "name-port",
        "_http._tcp.us1.web.shop.@F SRV",
        ["20 SRV 0 100 80 us1.web.shop.@F.", "+ us1.web.shop.@F. 20 A 203.0.113.2"],
    ),
    Case(
        "name-port",
        "_mysql._tcp.pet-0.eu1.db.shop.@F SRV",
        [
            "20 SRV 0 100 3306 pet-0.eu1.db.shop.@F.",
            "+ pet-0.eu1.db.shop.@F. 20 A 10.1.0.1",
            "+ pet-0.eu1.db.shop.@F. 20 AAAA fd00:1::1",
        ],
    ),
    Case(
        "name-port",
        "_mysql._tcp.us-b.pin._zone.db.shop.@F SRV",
        ["20 SRV 0 100 3306 pet-0.c1.fleet.db.shop.@F.", "+ pet-0.c1.fleet.db.shop.@F. 20 A 10.3.0.1"],
    ),
    Case(
        "name-port",
        "_http._tcp.web.shop.myfed.svc.us.example.com SRV",
        ["20 SRV 0 100 80 us1.web.shop.@F.", "+ us1.web.shop.@F. 20 A 203.0.113.2"],
    ),
    Case(
        "name-port",
        "_http._tcp.web.shop.myfed.svc.ap.example.com SRV",
        [
            "20 CNAME _http._tcp.web.shop.@F.",
            "_http._tcp.web.shop.@F. 20 SRV 0 100 80 eu1.web.shop.@F.",
            "_http._tcp.web.shop.@F. 20 SRV 1 100 80 us1.web.shop.@F.",
            "+ eu1.web.shop.@F. 20 A 10.96.0.1",
            "+ eu1.web.shop.@F. 20 AAAA fd00:96::1",
            "+ us1.web.shop.@F. 20 A 203.0.113.2",
        ],
    ),
    Case(
        "name-explain",
        "_explain.web.shop.@F TXT",
        [
            clash("IPFamilyConflict", "IP families", "IPv4, IPv6", "us1", "1/2"),
            clash("PortConflict", "ports", "http 80/TCP, https 443/TCP", "us1", "1/2"),
            why(
                "rung=- tier=- cluster=eu1 zone=eu-a,eu-b address=203.0.113.1 kind=LoadBalancer",
                "ready=2 chosen=no why=other-address-kind",
            ),
            why(
                "rung=- tier=- cluster=us1 zone=us-a address=10.96.0.2 kind=ClusterIP",
                "ready=1 chosen=no why=unreachable-address",
            ),
            why(
                "rung=any tier=a cluster=us1 zone=us-a address=203.0.113.2 kind=LoadBalancer",
                "ready=1 chosen=no why=farther",
            ),
            why(
                "rung=zone tier=a cluster=eu1 zone=eu-a,eu-b address=10.96.0.1 kind=ClusterIP",
                "ready=2 share=1/1 chosen=yes",
            ),
            why(
                "rung=zone tier=a cluster=eu1 zone=eu-a,eu-b address=fd00:96::1 kind=ClusterIP",
                "ready=2 share=1/1 chosen=yes",
            ),
        ],
    ),
    Case(
        "name-explain",
        "_explain.us-b.pin._zone.db.shop.@Z TXT",
        [
            clash("IPFamilyConflict", "IP families", "IPv4, IPv6", "us1,c1.fleet", "2/3"),
            clash("PortConflict", "ports", "(unnamed) 9/TCP, mysql 3306/TCP", "us1,c1.fleet", "2/3"),
            why(
                "rung=- tier=- cluster=eu1 zone=eu-a address=10.1.0.1 kind=PodIP",
                "ready=1 chosen=no why=outside-asked-part",
            ),
            why(
                "rung=- tier=- cluster=eu1 zone=eu-a address=10.1.0.9 kind=PodIP",
                "ready=0 chosen=no why=outside-asked-part",
            ),
            why(
                "rung=- tier=- cluster=eu1 zone=eu-a address=fd00:1::1 kind=PodIP",
                "ready=1 chosen=no why=outside-asked-part",
            ),
            why(
                "rung=- tier=- cluster=eu1 zone=eu-b address=10.1.0.2 kind=PodIP",
                "ready=1 chosen=no why=outside-asked-part",
            ),
            why(
                "rung=- tier=- cluster=us1 zone=us-a address=10.2.0.1 kind=PodIP",
                "ready=1 chosen=no why=outside-asked-part",
            ),
            why(
                "rung=any tier=a cluster=c1.fleet zone=us-b address=10.3.0.1 kind=PodIP", "ready=1 share=1/1 chosen=yes"
            ),
        ],
        over=(TCP,),
    ),
    Case("name-explain", "_explain.none.shop.@F TXT", ["NXDOMAIN", "SOA example.com. 7"]),
    Case("name-explain", "_explain.db.shop.@F TXT", ["REFUSED", "EDE 18", "no AA"], source=STRANGER),
    Case("name-explain", "_explain.db.shop.@F A", ["NODATA", "SOA example.com. 7"]),
    Case(
        "name-whoami",
        "_whoami.example.com TXT",
        [
            '0 TXT "address=127.0.0.1 subnet=none"',
            '0 TXT "cluster=eu1 zone=eu-a region=eu jurisdiction=eu network=default"',
            '0 TXT "ladder=zone,cluster,region,jurisdiction,any"',
            '0 TXT "rule=local"',
        ],
    ),
    Case("name-whoami", "_whoami.example.com A", ["NODATA", "SOA example.com. 7"]),
    Case("name-whoami", "_whoami.clusterset.local TXT", ["NXDOMAIN", "SOA clusterset.local. 5"]),
    Case(
        "name-clusters",
        "_clusters.example.com PTR",
        [
            "0 PTR ap1._state.example.com.",
            "0 PTR c1.fleet._state.example.com.",
            "0 PTR eu1._state.example.com.",
            "0 PTR hub._state.example.com.",
            "0 PTR us1._state.example.com.",
        ],
    ),
    Case(
        "name-clusters",
        "us1._state.example.com TXT",
        ['0 TXT "reason=alive and readable"', '0 TXT "state=fresh age=* synced=yes services=8"'],
    ),
    Case("name-clusters", "_state.example.com TXT", ["NODATA", "SOA example.com. 7"]),
    Case("name-clusters", "mars._state.example.com TXT", ["NXDOMAIN", "SOA example.com. 7"]),
    Case("name-reverse", "1.0.1.10.in-addr.arpa PTR", pointers("pet-0.eu1.db")),
    Case("name-reverse", "1.0.96.10.in-addr.arpa PTR", pointers("eu1.web")),
    Case(
        "name-reverse",
        "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.0.0.d.f.ip6.arpa PTR",
        pointers("pet-0.eu1.db"),
    ),
    Case("name-reverse", "1.10.in-addr.arpa PTR", ["NODATA", "SOA 10.in-addr.arpa. 7"]),
    Case("name-reverse", "9.0.1.10.in-addr.arpa PTR", ["NXDOMAIN", "SOA 10.in-addr.arpa. 7"]),
    Case(
        "name-reverse",
        "10.in-addr.arpa SOA",
        ["20 SOA ns.dns.10.in-addr.arpa. hostmaster.10.in-addr.arpa. 42 7200 1800 86400 7"],
    ),
    Case("name-federations", "web.shop.otherfed.svc.example.com A", ["30 A 10.96.0.1"]),
    Case(
        "name-federations",
        "db.shop.otherfed.svc.us-x.us.example.com A",
        [
            "30 CNAME db.shop.otherfed.svc.us.example.com.",
            "db.shop.otherfed.svc.us.example.com. 30 A 10.2.0.1",
            "db.shop.otherfed.svc.us.example.com. 30 A 10.3.0.1",
        ],
    ),
    Case(
        "name-federations",
        "_http._tcp.web.shop.otherfed.svc.example.com SRV",
        [
            "30 SRV 0 100 80 eu1.web.shop.otherfed.svc.example.com.",
            "30 SRV 1 100 80 us1.web.shop.otherfed.svc.example.com.",
            "+ eu1.web.shop.otherfed.svc.example.com. 30 A 10.96.0.1",
            "+ eu1.web.shop.otherfed.svc.example.com. 30 AAAA fd00:96::1",
            "+ us1.web.shop.otherfed.svc.example.com. 30 A 203.0.113.2",
        ],
    ),
    Case("name-federations", "web.shop.thirdfed.svc.example.com A", ["NXDOMAIN", "SOA example.com. 7"]),
    Case("name-federations", "otherfed.svc.example.com A", ["NODATA", "SOA example.com. 7"]),
    Case("name-federations", "shop.otherfed.svc.example.com A", ["NODATA", "SOA example.com. 7"]),
    Case("name-server", "ns.dns.example.com A", ["20 A 192.0.2.53"]),
    Case("name-server", "ns.dns.clusterset.local AAAA", ["5 AAAA ::35"]),
    Case("name-server", "ns.dns.10.in-addr.arpa A", ["20 A 192.0.2.53"]),
    Case("name-server", "ns.dns.example.com MX", ["NODATA", "SOA example.com. 7"]),
    Case("name-server", "dns.example.com A", ["NODATA", "SOA example.com. 7"]),
    Case("name-old", "db.shop.myfed.svc.cluster.local A", ["20 A 10.1.0.1"]),
    Case(
        "name-old",
        "web.shop.myfed.svc.cluster.local A",
        [
            "20 CNAME web.shop.myfed.svc.ap.example.com.",
            "web.shop.myfed.svc.ap.example.com. 20 CNAME web.shop.@F.",
            "web.shop.@F. 20 A 203.0.113.1",
            "web.shop.@F. 20 A 203.0.113.2",
        ],
        source=HUB,
    ),
    Case(
        "name-old",
        "_http._tcp.web.shop.myfed.svc.cluster.local SRV",
        [
            "20 CNAME _http._tcp.web.shop.myfed.svc.eu-a.eu.example.com.",
            "_http._tcp.web.shop.myfed.svc.eu-a.eu.example.com. 20 SRV 0 100 80 eu1.web.shop.@F.",
            "+ eu1.web.shop.@F. 20 A 10.96.0.1",
            "+ eu1.web.shop.@F. 20 AAAA fd00:96::1",
        ],
    ),
    Case("code-nodata", "db.shop.@F MX", ["NODATA", "SOA example.com. 7"]),
    Case("code-nodata", "plain.shop.@Z AAAA", ["NODATA", "SOA clusterset.local. 5"]),
    Case("code-nxdomain", "none.shop.@F A", ["NXDOMAIN", "SOA example.com. 7"]),
    Case("code-nxdomain", "www.clusterset.local A", ["NXDOMAIN", "SOA clusterset.local. 5"]),
    Case("code-unsynced", "none.shop.@F A", ["SERVFAIL", "EDE 14", "no AA"], world="start"),
    Case("code-unsynced", "us1.db.shop.@F A", ["SERVFAIL", "EDE 14", "no AA"], world="start"),
    Case("code-unsynced", "web.shop.@F A", ["20 A 10.96.0.1"], world="start"),
    Case("code-open", "late.shop.@F A", ["5 A 10.2.10.1", "EDE 3"], world="lost", source=US),
    Case("code-open", "asleep.shop.@Z A", ["5 A 10.96.0.5", "EDE 0"]),
    Case("code-open", "asleep.shop.@F A", ["5 A 203.0.113.5", "EDE 0"], source=STRANGER),
    Case("code-closed", "strict.shop.@Z A", ["NODATA", "SOA clusterset.local. 5", "EDE 22"], world="lost"),
    Case("code-closed", "strict.shop.@F A", ["NODATA", "SOA example.com. 7", "EDE 22"], world="lost"),
    Case("code-closed", "set.shop.@Z A", ["NODATA", "SOA clusterset.local. 5", "EDE 22"]),
    Case("code-jurisdiction", "law.shop.@Z A", ["NODATA", "SOA clusterset.local. 5", "EDE 17"]),
    Case("code-jurisdiction", "law.shop.@F A", ["NODATA", "SOA example.com. 7", "EDE 17"], world="lost"),
    Case("code-jurisdiction", "us1.law.shop.@F A", ["NODATA", "SOA example.com. 7", "EDE 17"]),
    Case("code-jurisdiction", "pet-0.us1.law.shop.@Z A", ["NODATA", "SOA clusterset.local. 5", "EDE 17"]),
    Case("code-refused", "web.shop.@F A", ["REFUSED", "EDE 18", "no AA"], source=REFUSED),
    Case("code-refused", "www.example.net A", ["REFUSED", "EDE 20", "no AA"]),
    Case("code-refused", "db.shop.@F AXFR", ["REFUSED", "EDE 18", "no AA"]),
    Case("code-above", "_tcp.web.shop.@Z A", ["NODATA", "SOA clusterset.local. 5"]),
    Case("code-above", "_zone.db.shop.@F A", ["NODATA", "SOA example.com. 7"]),
    Case("code-above", "shop.@F A", ["NODATA", "SOA example.com. 7"]),
    Case("code-above", "svc.example.com A", ["NODATA", "SOA example.com. 7"]),
    Case("code-above", "none.@F A", ["NXDOMAIN", "SOA example.com. 7"]),
]
