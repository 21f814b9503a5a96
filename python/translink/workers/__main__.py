"""`python -m translink.workers`: what a crew starts for each worker. People use `translink serve --workers N`."""

from __future__ import annotations

from translink.process.startup import quick_imports
from translink.trust import read_ahead

if __name__ == "__main__":
    read_ahead()
    with quick_imports():
        from translink.workers.worker import main
    main()
