"""`translink serve --workers N`: N processes that serve calls, and one that looks after them.

`split` says which part of the settings is whose, `crew` starts the workers, again where one dies, and has the
admin API of all (`face`), `worker` is what runs in each. No call runs in the process of the crew.
Start reading at `crew`.
"""
