"""Callers made of software: they talk, listen and count, over UDP and HTTP like everybody else.

`caller` talks, `ear` listens, `server_process` runs a `translink serve` of one's own; `call` and
`demo` are the commands. Meets the rest of translink on the wire; may import `settings`, `process` and
the root's modules. Start reading at `caller`.
"""
