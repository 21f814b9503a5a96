"""This process itself, and those it starts: how loaded it is, what it uses, how one begins and ends.

Knows nothing of calls. May import `errors` and other modules of this folder. Start reading at
`pressure`, which decides what a loaded machine gives up.
"""
