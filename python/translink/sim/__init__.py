"""Simulated telephones: callers that speak and listen over real UDP, and what they measure.

Theory of operation. Nothing here is on the way of a call: it is the other end of the wire. A
`caller.Caller` is one telephone (microphone and ear on one socket, real time, absolute deadlines),
its `ear.Ear` puts what arrives on a line of real time, `wav` reads and writes the files. `call` is
one caller from the command line; `demo` is a server (`serving`) and two callers who talk, `speech`
what they say, `captions` and `view` what is shown of it. `run`, `beacons`, `report` and `faults`
count words over many calls.

Rule of use: a simulated peer knows a server by its addresses and its HTTP API only, never by its
objects, so that whatever is shown here is true of any gateway.
"""
