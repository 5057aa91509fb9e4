"""The keys of the configuration that say who the members are: in the file, or in objects that have the same grammar."""

from typing import Final

from fedns.federation.objects import AddressKind
from fedns.settings import values
from fedns.settings.kinds import Kind, Many, Named, Table

_DATA_PATH: Final = Table(
    doc="what is asked to learn whether its endpoints can be reached: one of tcp, http and dns",
    keys={
        "tcp": values.endpoint("a host and port that takes connections, a gateway for example"),
        "http": values.url("a page; any reply below 500 is good"),
        "dns": Table(
            doc="a question that is answered with NOERROR",
            keys={
                "server": values.endpoint("a name server's host and port"),
                "name": values.text("the name whose address is asked for"),
            },
            required=("server", "name"),
        ),
        "interval": values.duration("how often; default 2s"),
        "timeout": values.duration("for how long one may take; default 2s"),
        "failures": values.whole("so many in a row mean that it cannot be reached; default 5", 1, 1000),
    },
    json={"oneOf": [{"required": ["tcp"]}, {"required": ["http"]}, {"required": ["dns"]}]},
)

_PLACE: Final[dict[str, Kind]] = {
    "region": values.dns_name("region; part of names", labels=1),
    "jurisdiction": values.text("jurisdiction that policies can ask for"),
    "network": values.text("clusters and clients of one network reach each other's pods; default: default"),
    "addresses": Many(
        doc="the kinds of address to hand out: the first that the client can reach",
        item=values.choice("kind of address", *AddressKind),
        empty=False,
    ),
    "clusterIPsRoutable": values.boolean("true: cluster IPs can be reached from outside the cluster"),
    "gateway": Table(
        doc="a gateway in front of the cluster",
        keys={"ips": Many(doc="its addresses", item=values.target("an address"))},
        later=("ports", "port"),
    ),
    "weight": values.whole("share beside clusters of the same rung; 0: backup; default 100", 0, 1_000_000),
    "capacity": values.number("what one ready endpoint is worth against minReady; default 1", zero=False),
    "cost": values.number("cheaper clusters come first within a rung; default 1", zero=True),
    "dataPath": _DATA_PATH,
}
"""What is said of a cluster however it is known."""

_SOURCE: Final = Table(
    doc="where a cluster is that imported services come from",
    keys={"name": values.dns_name("the cluster id that the imports' slices carry; part of names"), **_PLACE},
    required=("name",),
)

_TRUST: Final = Table(
    doc="how far the member is believed",
    keys={
        "rank": values.whole("exports of a lower rank win conflicts; default 0", 0, 1000),
        "namespaces": Many(
            doc='what it may export: namespaces, or patterns with *; default ["*"]',
            item=values.pattern("a namespace, or a pattern"),
            empty=False,
        ),
        "cidrs": Many(
            doc="addresses that it may name; default all", item=values.cidr("a prefix of addresses"), empty=False
        ),
        "maxServices": values.whole("services at most; default 20000", 1, 1_000_000),
        "maxEndpoints": values.whole("endpoints at most; default 500000", 1, 100_000_000),
        "maxEventsPerSecond": values.whole("changes in a second at most; default 2000", 1, 1_000_000),
        "maxBytes": values.quantity("one reading of one resource at most; default 1Gi", 1 << 20, 64 << 30),
    },
)

GIVEN: Final = ("name", "region", "jurisdiction", "network", "weight", "capacity", "cost")
"""Keys of a member that can stand in a property of a ClusterProfile."""

CLUSTER: Final = Table(
    doc="one member cluster",
    keys={
        "name": values.dns_name("the cluster id; part of names"),
        "kubeconfig": Table(
            doc="credentials for its API server; a relative path starts at this file's directory",
            keys={
                "path": values.text("path of the file"),
                "context": values.text("default: its current context"),
                "allowExec": values.boolean("true: the file may run programs that give credentials"),
            },
            required=("path",),
        ),
        "inCluster": values.boolean("true: fedns runs in this cluster and uses its service account"),
        "source": values.choice(
            "exports: its own services; imports: it tells of other clusters' by ServiceImports", "exports", "imports"
        ),
        "sources": Many(doc="where the clusters are that imported services come from", item=_SOURCE),
        "exports": Many(
            doc="what exports a service; default [ServiceExport, Label]",
            item=values.choice("what exports a service", "ServiceExport", "Label", "All"),
            empty=False,
        ),
        "hostNames": values.choice(
            "what hosts of headless services without a hostname are called by; default address", "address", "pod"
        ),
        "namespaceAnnotations": values.choice(
            "whether fedns.io annotations of its namespaces narrow policies, and must be read; default optional",
            "optional",
            "required",
            "ignore",
        ),
        **_PLACE,
        "trust": _TRUST,
    },
    required=("name",),
    json={"oneOf": [{"required": ["kubeconfig"]}, {"required": ["inCluster"]}]},
)

_EXEC: Final = Table(
    doc="a program that gives credentials; it is told of the cluster",
    keys={
        "command": values.text("the program; a path, or a name that is found on PATH"),
        "apiVersion": values.choice(
            "the version that it speaks; default the first",
            "client.authentication.k8s.io/v1",
            "client.authentication.k8s.io/v1beta1",
        ),
        "args": Many(doc="its arguments", item=values.text("one argument")),
        "env": Named(doc="variables that are set for it", item=values.text("the value")),
    },
    required=("command",),
)

_PROVIDER: Final = Table(
    doc="credentials for the profiles that have this access provider",
    keys={
        "name": values.text("the provider, as in status.accessProviders"),
        "exec": _EXEC,
        "tokenFile": values.text("a file with a token, in whose path {name} stands for the profile's name"),
    },
    required=("name",),
    json={"oneOf": [{"required": ["exec"]}, {"required": ["tokenFile"]}]},
)

CLUSTERS_FROM: Final = Table(
    doc="where members come from, beside those in clusters",
    keys={
        "secrets": Table(
            doc="Secrets of the local cluster, each with one member",
            keys={
                "namespace": values.dns_name("their namespace; whoever may write Secrets in it adds members", labels=1),
                "labelSelector": values.selector("which of them; default fedns.io/cluster=true"),
            },
            required=("namespace",),
        ),
        "clusterProfiles": Table(
            doc="ClusterProfiles of the local cluster, each with one member",
            keys={
                "namespace": values.dns_name("their namespace; whoever may write them adds members", labels=1),
                "labelSelector": values.selector("which of them; default all"),
                "providers": Many(doc="with which credentials to go where they lead", item=_PROVIDER, empty=False),
                "properties": Table(
                    doc="by which of their properties a key of a member is given",
                    keys={key: values.text(f"the property that gives {key}") for key in GIVEN},
                ),
            },
            required=("namespace", "providers"),
        ),
    },
)
