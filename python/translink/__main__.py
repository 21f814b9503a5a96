"""`python -m translink` is the same as `translink`."""

from translink.cli import main

main()
