"""fedns: one DNS server for a federation of Kubernetes clusters.

How the tree hangs together, from the top down; imports go down only, and a test holds that:

    cli/           the command line, one file per family of verbs
    lab/           simulated member clusters, the told stories, the fault verbs
    supervisor.py  the parent process: owns sockets (listening) and counters, restarts children, takes over (handover)
    control/       the control process: one event path (pipeline), publishing to workers, metrics, health
    clusters/      Kubernetes in: credentials, list and watch, probe, translation to slim values
    servers/       DNS out: UDP, TCP, TLS, HTTPS, QUIC, the processes that answer
    settings/      the configuration as values
    answers/       pure: from a packet to the bytes of its answer
    federation/    pure: what exists, and who should answer

`client.py` asks questions: for the command line, the lab and the benchmarks, never for a worker.
"""

__version__ = "0.1.0"
