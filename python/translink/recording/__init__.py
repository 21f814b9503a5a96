"""Writes calls to disk: what each leg said and heard, with a transcript beside it.

Nothing here holds up a call: one thread reads what the engine keeps anyway, in blocks, and writes it. A disk
that is slow, full or broken costs sound of the recording, which says so.
"""
