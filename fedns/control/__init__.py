"""The control process: evidence and exports of the members in, one published truth for the workers out.

It never answers a query: when it is gone, the workers go on from what they hold.
"""
