"""DNS out: sockets, streams and the worker process. Never loads Kubernetes, HTTP, YAML or metrics libraries."""
