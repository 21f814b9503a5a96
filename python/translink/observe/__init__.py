"""What happened, for people and machines that look: events, delays, transcripts, traces.

`journal` is the event bus, `stages` the histograms, `transcripts` the ended calls, `views` the shapes
that the admin API answers with. Written by `calls`, `providers` and `recording` above all, read by
`admin`. May import `settings` and `process`. Start reading at `journal`.
"""
