"""Kubernetes in: follows member clusters and says what they export, and whether they can be reached and read.

    settings -> replies of an API server
      kubeconfig   text of a stranger           -> settings of a client, or a sentence why not
      credentials  files, tokens                -> what a request is signed with
      plugin       a program that is allowed    -> a token, and until when
      renewal      time and refusals            -> credentials that are good now
      connect      credentials and HTTP         -> replies of an API server
      probe        GET /readyz                  -> life
      access       reviews of its own rights    -> what a person has yet to allow
    replies -> objects and events
      lines        bytes of a stream            -> lines
      session      an open stream               -> lines at a bounded pace, until its end
      events       a line                       -> a change, a bookmark, an error
      watchlist    a stream's first events      -> all objects of one resource
      listing      page by page                 -> the same
      brackets     a page nested too deep       -> its elements
      tail         one stream of one resource   -> whole truths, single changes, a version that moves on
      watch        what to ask next, and when   -> streams, lists and checks for ever, whatever fails
      backoff      probes, failures, event rate -> when to try again, or to read on
      streams      what became of a stream      -> its state, for metrics and people
      terms        what all these share for one member
    objects -> exports
      decode       JSON (shapes)                -> facts, one bad object at a time, within its trust
      shelf        items                        -> facts of one resource, within a quota (all of them: shelves)
      translate    Services, slices, exports    -> exports of the member
      imports      ServiceImports, slices       -> exports of the clusters that a hub tells of
      leases       Leases in a hub              -> whether a source cluster is still heard of
    member  all of it for one cluster           -> the sink of the control process

It is no Kubernetes client: it only reads, and only what names and addresses need.
"""
