"""One of several: what makes a server a node of a fleet, whose placement is on NATS.

It announces itself, keeps its slots in line with its calls, and has a face, so that it answers for all nodes.
Above `face`, `placement` and the admin side, below `app`. Start reading at `fleet`.
"""
