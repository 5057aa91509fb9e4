"""Kubernetes in: follows member clusters and says what they export, and whether they can be reached and read.

    connect    credentials and HTTP        -> replies of an API server
    lines      bytes of a stream           -> lines
    listing    page by page                -> all objects of one resource
    watch      list, watch, resume         -> whole truths and single changes of one resource
    backoff    probes and failures         -> when to try again
    decode     JSON objects                -> facts, one bad object at a time
    translate  facts of three resources    -> exports
    probe      GET /readyz                 -> life
    member     all of it for one cluster   -> the sink of the control process

It is no Kubernetes client: it only reads, and only what names and addresses need.
"""
