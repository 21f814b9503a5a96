"""Which provider serves each stage: the one folder that names them.

`endpoints` finds keys and addresses and starts the local engines where there are none; `providers`
builds the clients in the order of the settings; `coverage` says which languages they have between
them. Start reading at `providers`.
"""
