"""The settings as values. It knows nothing of files: `load` makes these.

Times are seconds. Addresses of clients and CIDRs stay text, addresses that are handed out are packed.
"""

from typing import Final, Literal, NamedTuple

from msgspec import Struct, field

from fedns.answers.rules import Dnstap, QueryLog, RateLimit, Zone
from fedns.federation.failover import Failover
from fedns.federation.health import Freshness, Timers
from fedns.federation.isolation import Isolation
from fedns.federation.locality import ClientRule
from fedns.federation.migrations import Migration
from fedns.federation.objects import Cluster
from fedns.federation.placement import Drain, Policy

ExportMode = Literal["ServiceExport", "Label", "All"]
"""What makes a service of a member an exported one; `All` exports every service."""
ANYWHERE: Final = ("0.0.0.0/0", "::/0")
PRIVATE: Final = ("127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
"""Loopback and private ranges: who may ask for diagnostics where nothing else is said."""
FAST: Final = Timers(
    probe_interval=0.5,
    probe_timeout=0.5,
    suspect_after=1.0,
    stale_after=2.0,
    expire_after=300.0,
    recover_after=1.0,
    watch_period=30.0,
)
"""`freshness: fast`."""


class Address(NamedTuple):
    """An IP address without brackets (where somebody else is asked, also a name), and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        """As it stands in the file."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Tls(Struct, frozen=True, kw_only=True):
    """DNS over TLS: where, and the paths of the certificate and its key."""

    cert_file: str
    key_file: str
    listen: tuple[Address, ...] = (Address("0.0.0.0", 853), Address("::", 853))  # noqa: S104 -- as public as port 53


class Https(Struct, frozen=True, kw_only=True):
    """DNS over HTTPS: where, at which path, in how many processes, and the paths of the certificate and its key."""

    cert_file: str
    key_file: str
    listen: tuple[Address, ...] = (Address("0.0.0.0", 443), Address("::", 443))  # noqa: S104 -- as public as port 53
    path: str = "/dns-query"
    workers: int = 1


class Quic(Struct, frozen=True, kw_only=True):
    """DNS over QUIC: where, and the paths of the certificate and its key."""

    cert_file: str
    key_file: str
    listen: tuple[Address, ...] = (Address("0.0.0.0", 853), Address("::", 853))  # noqa: S104 -- as public as port 53


class Cookies(Struct, frozen=True, kw_only=True):
    """DNS cookies: `secrets` are what `secret_file` holds; without a file, this fedns makes its own."""

    on: bool = True
    secret_file: str = ""
    secrets: tuple[bytes, ...] = ()

    def __repr__(self) -> str:
        """Where the secrets are from, never what they are."""
        return f"Cookies(on={self.on}, secret_file={self.secret_file!r})"


class Dns(Struct, frozen=True, kw_only=True):
    """The DNS server; `workers` None is one for each CPU it may use, `nsid` "" sends none, `lameduck` is seconds."""

    listen: tuple[Address, ...] = (Address("0.0.0.0", 53), Address("::", 53))  # noqa: S104 -- a DNS server is public
    workers: int | None = None
    allow: tuple[str, ...] = ANYWHERE
    nsid: str = ""
    lameduck: float = 10.0
    advertise: tuple[bytes, ...] = ()
    tls: Tls | None = None
    https: Https | None = None
    quic: Quic | None = None
    cookies: Cookies = Cookies()
    rate_limit: RateLimit | None = None
    query_log: QueryLog | None = None
    dnstap: Dnstap | None = None


class Local(Struct, frozen=True, kw_only=True):
    """Where this fedns runs: the default location of a client, and what becomes of the local cluster when stale."""

    cluster: str = ""
    zone: str = ""
    when_stale: Literal["keep", "demote"] = "keep"


class Kubeconfig(Struct, frozen=True, kw_only=True):
    """Credentials of a member; `context` "" is the file's current context.

    `content` is the text itself where there is no file (`path` then only names where it came from); `allow_exec` lets
    the file run programs that give credentials. `own` content was put together here, by the configuration: what it runs
    and the files that it names are the operator's.
    """

    path: str
    context: str = ""
    allow_exec: bool = False
    content: str = ""
    own: bool = False

    def __repr__(self) -> str:
        """Where it is from, never what is in it."""
        return f"Kubeconfig({self.path!r}, context={self.context!r}, allow_exec={self.allow_exec})"


class Trust(Struct, frozen=True, kw_only=True):
    """How far a member is believed, beside its rank: for which namespaces and addresses, and how much of it.

    `namespaces` are names, or patterns with `*`. `max_bytes` bounds one reading of one resource.
    """

    namespaces: tuple[str, ...] = ("*",)
    cidrs: tuple[str, ...] = ANYWHERE
    max_services: int = 20_000
    max_endpoints: int = 500_000
    max_events_per_second: int = 2_000
    max_bytes: int = 1 << 30


class Lookup(Struct, frozen=True, kw_only=True):
    """A question to a name server: it is well when it answers with NOERROR."""

    server: Address
    name: str


class PathProbe(Struct, frozen=True, kw_only=True):
    """What shows that a member's endpoints can be reached, of three kinds one: asked every `interval` seconds.

    After so many `failures` in a row, each for `timeout` seconds at most, they cannot.
    """

    tcp: Address | None = None
    http: str = ""
    dns: Lookup | None = None
    interval: float = 2.0
    timeout: float = 2.0
    failures: int = 5

    @property
    def target(self) -> str:
        """What is asked, in words."""
        if self.dns is not None:
            return f"dns {self.dns.server} {self.dns.name}"
        return f"tcp {self.tcp}" if self.tcp is not None else self.http


class Member(Struct, frozen=True, kw_only=True):
    """One member cluster: what it is, how to reach its API server (`kubeconfig` or `in_cluster`), what it exports.

    With `source` imports it tells of other clusters, too: `sources` says where those are; one that is not named there
    has no location. `host_names` is what an endpoint without a hostname is called by; `namespace_annotations` says
    whether those of namespaces are obeyed, and must be read. `nodes`: its Nodes tell where clients are. `data_paths`
    are its own and those of its sources, by cluster.
    """

    cluster: Cluster
    kubeconfig: Kubeconfig | None = None
    in_cluster: bool = False
    source: Literal["exports", "imports"] = "exports"
    sources: tuple[Cluster, ...] = ()
    exports: tuple[ExportMode, ...] = ("ServiceExport", "Label")
    host_names: Literal["address", "pod"] = "address"
    namespace_annotations: Literal["optional", "required", "ignore"] = "optional"
    nodes: bool = False
    trust: Trust = Trust()
    data_paths: dict[str, PathProbe] = {}

    @property
    def name(self) -> str:
        """The cluster id."""
        return self.cluster.name


class Secrets(Struct, frozen=True, kw_only=True):
    """Where members are described by Secrets of the local cluster: namespace and label selector."""

    namespace: str
    label_selector: str = "fedns.io/cluster=true"


class Exec(Struct, frozen=True, kw_only=True):
    """A program that gives credentials, as a kubeconfig names one; it is told of the cluster."""

    command: str
    api_version: str = "client.authentication.k8s.io/v1"
    args: tuple[str, ...] = ()
    env: dict[str, str] = {}


class Provider(Struct, frozen=True, kw_only=True):
    """Where the credentials of a ClusterProfile are from that has an access provider of this `name`.

    Either `exec`, or `token_file`, in whose path `{name}` stands for the ClusterProfile's name.
    """

    name: str
    exec: Exec | None = None
    token_file: str = ""


BELIEVED: Final = {"region": "topology.kubernetes.io/region"}
"""The one key of a member that a property of a ClusterProfile gives where nothing else is said."""


class ClusterProfiles(Struct, frozen=True, kw_only=True):
    """Where members are described by ClusterProfiles of the local cluster, and what of them is believed.

    `properties` says by which property (a key of `status.properties`) a key of a member is given; of several
    `providers` that a profile has the first one here counts.
    """

    namespace: str
    providers: tuple[Provider, ...]
    label_selector: str = ""
    properties: dict[str, str] = field(default_factory=BELIEVED.copy)


class ClustersFrom(Struct, frozen=True, kw_only=True):
    """Where members come from, beside those that the file names; None is nowhere."""

    secrets: Secrets | None = None
    cluster_profiles: ClusterProfiles | None = None

    @property
    def anybody(self) -> bool:
        """Whether members come from anywhere else at all."""
        return self != ClustersFrom()


class ClientsFrom(Struct, frozen=True, kw_only=True):
    """What tells where clients are, beside the prefixes that the file names: the Nodes of the local cluster."""

    nodes: bool = False


class Logging(Struct, frozen=True, kw_only=True):
    """How much is logged, and in which form."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"


class Kept(Struct, frozen=True, kw_only=True):
    """The file that what is known is kept in: written once in `interval` seconds at most, used for `max_age`."""

    path: str
    interval: float = 10.0
    max_age: float = 86_400.0


class Memory(Struct, frozen=True, kw_only=True):
    """How many bytes of memory a worker and the control process may have before they are replaced; None: no limit."""

    worker: int | None = None
    control: int | None = None


class Replicas(Struct, frozen=True, kw_only=True):
    """The other replicas whose answers are compared with ours: once in `interval` seconds.

    `bound` is for how many seconds they may differ; None follows from how soon members are known to be gone.
    """

    addresses: tuple[Address, ...] = ()
    interval: float = 5.0
    bound: float | None = None


class Settings(Struct, frozen=True, kw_only=True):
    """Everything that the configuration says; an address that is None is switched off.

    `state` is the path of the file that keeps what is ordered at run time, "" where nothing can be ordered.
    """

    clusters: tuple[Member, ...]
    clusters_from: ClustersFrom = ClustersFrom()
    zones: tuple[Zone, ...] = (Zone(name="clusterset.local", kind="clusterset"),)
    dns: Dns = Dns()
    metrics: Address | None = Address("0.0.0.0", 9153)  # noqa: S104 -- scraped from other machines
    health: Address | None = Address("0.0.0.0", 8080)  # noqa: S104 -- asked by the kubelet
    ready: Address | None = Address("0.0.0.0", 8181)  # noqa: S104 -- asked by the kubelet
    admin: Address | None = Address("127.0.0.1", 8053)
    diagnostics: tuple[str, ...] = PRIVATE
    local: Local = Local()
    clients: tuple[ClientRule, ...] = ()
    clients_from: ClientsFrom = ClientsFrom()
    ecs_from: tuple[str, ...] = ()
    freshness: Timers = Timers()
    isolation: Isolation = Isolation()
    failover: Failover = Failover()
    forced: dict[str, Freshness] = {}
    policies: tuple[Policy, ...] = ()
    snapshot: Kept | None = None
    drains: tuple[Drain, ...] = ()
    migrations: tuple[Migration, ...] = ()
    state: str = ""
    memory: Memory = Memory()
    replicas: Replicas = Replicas()
    logging: Logging = Logging()
