"""This process itself: how loaded it is, what it uses, how it starts.

Knows nothing of calls. May import `errors` and other modules of this folder. Start reading at
`pressure`, which decides what a loaded machine gives up.
"""
