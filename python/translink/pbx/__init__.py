"""Telephone systems: calls that an Asterisk brings, over ARI or AudioSocket.

`desk` knows who is at which leg and lets calls begin and end; `controller` and `line` (sans-IO) say
what Asterisk is to do, `ari` asks it; `audiosocket` takes connections; `service` puts them together;
`dialplan` is what an operator pastes. Knows `calls`; only `app` and `cli` know it. Start reading at
`desk`.
"""
