"""What the commands of the command line do, one file each; `cli` only reads their arguments.

`control` asks a running server over its API, and `drain`, `rca` and `takeover` build on it; `check` and
`live_check` look at settings and providers before a call does; `first_settings` and `manual` write files.
They may import all that `app` may, and never `app` or `cli`. Begin with `control`.
"""
