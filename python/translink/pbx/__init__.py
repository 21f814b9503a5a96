"""Telephone systems: calls that one of them or a page brings, over ARI, AudioSocket or WebSocket.

`desk` knows who is at which leg and lets calls begin and end; `controller` and `line` (sans-IO) say
what Asterisk is to do, `ari` asks it; `audiosocket` takes connections; `service` puts them together;
`dialplan` is what an operator pastes. Knows `calls`; only `app` and `commands` know it. Start
reading at `desk`.
"""
