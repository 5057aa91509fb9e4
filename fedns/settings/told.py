"""What of the settings a worker is told."""

from fedns.answers.rules import Rules
from fedns.federation.locality import Location
from fedns.settings.schema import Settings


def rules(settings: Settings) -> Rules:
    """What a worker needs of the settings."""
    return Rules(
        zones=settings.zones,
        clusters=tuple(cluster for member in settings.clusters for cluster in (member.cluster, *member.sources)),
        local=Location(cluster=settings.local.cluster, zone=settings.local.zone, rule="local"),
        local_when_stale=settings.local.when_stale,
        clients=settings.clients,
        policies=settings.policies,
        drains=settings.drains,
        timers=settings.freshness,
        isolation=settings.isolation,
        failover=settings.failover,
        forced=settings.forced,
        allow=settings.dns.allow,
        diagnostics=settings.diagnostics,
        nsid=settings.dns.nsid,
        advertise=settings.dns.advertise,
        ecs_from=settings.ecs_from,
        rate_limit=settings.dns.rate_limit,
        query_log=settings.dns.query_log,
        dnstap=settings.dns.dnstap,
        cookies=settings.dns.cookies.on,
        cookie_secrets=settings.dns.cookies.secrets,
    )
