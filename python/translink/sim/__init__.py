"""Many calls with faults, and every word counted: the other end of the wire, by beacons.

`run` is the command, `lines` the callers, `beacons` what was said and heard, `faults` what goes wrong,
`testbed` a server that stands for all providers. A simulated peer knows the server by its addresses and
its HTTP API only, so that what is shown here is true of any gateway. May import `callers` and `offline`.
Start reading at `run`.
"""
