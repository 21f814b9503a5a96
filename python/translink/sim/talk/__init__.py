"""Interpreting, measured: word-timed talks through a real server, every word found at the ear.

`words` reads a talk, `mouth` sends it, `server` stands for all providers (`recognizer`, `engines`,
`chords`), `measure` compares what left the mouth with what came to the ear. May import `sim` and what that
may. Start reading at `run`, which tells how.
"""
