"""Which node serves a call, where there is more than one: the workers of one machine, or machines.

A call stays with its node from beginning to end; only the choice is shared. `protocol` says what every
form of placement can do, `memory` is the form within one process, `nats` that of several machines. Imports
only `errors`; knows nothing of calls, legs or HTTP. Start reading at `protocol`.
"""
