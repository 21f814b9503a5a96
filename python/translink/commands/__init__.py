"""What the commands of the command line do, one file each; `cli` only reads their arguments.

`control` asks a running server over its API, and `drain`, `rca` and `takeover` build on it; `check` and
`live_check` look at settings and providers before a call does; `first_settings` and `manual` write files.
May import `wiring`, `pbx`, `recording`, `media` and what is below, never `app` or `cli`. `addresses`,
`reloading` and `takeover` are also what a server does at its start and on SIGHUP. Begin with `control`.
"""
