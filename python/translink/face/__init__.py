"""One admin API for several nodes: the workers of one machine, or machines.

A face has no calls. It asks each node's own admin server, each for itself and within `peers.NODE_ANSWER_TIME`, and
makes one answer of what came; how answers become one is without clocks and sockets (`sums`, `exposition`,
`screen`). Start reading at `routes`.
"""
