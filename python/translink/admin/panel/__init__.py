"""What the admin server shows and works: the running program, seen from outside.

`console` answers all that a route may ask; `metrics` and `exports` are two forms of the
answers, `event_types` describes the events. May import `calls` and below, and nothing of HTTP. Start
reading at `console`.
"""
