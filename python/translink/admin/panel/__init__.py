"""What the admin server shows and works: the running program, seen from outside.

`source` says what a route may ask, `console` answers it; `metrics` and `exports` are two forms of the
answers, `event_types` describes the events. May import `calls` and below, and nothing of HTTP. Start
reading at `console`.
"""
