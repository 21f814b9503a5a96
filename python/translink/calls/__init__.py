"""Calls and their two directions: who talks to whom, what is said, when it is spoken.

`switchboard` holds the calls, `call` one of them, `interpreter` one direction: results become
segments (`segments`), are translated and spoken in order (`speaker`). May import `recognition` and
below. Start reading at `call`, then `interpreter`.
"""
