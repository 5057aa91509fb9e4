"""DNS out: sockets, streams and the worker process. Never loads Kubernetes, YAML or metrics libraries.

HTTP and QUIC are in processes of their own, so that a worker loads neither.
"""
