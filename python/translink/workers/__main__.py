"""`python -m translink.workers`: what a crew starts for each worker. People use `translink serve --workers N`."""

from __future__ import annotations

from translink.workers.worker import main

if __name__ == "__main__":
    main()
