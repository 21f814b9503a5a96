"""Deepgram's clients: live and prerecorded recognition, speech synthesis.

`options` says what is asked for and where; `protocol` is the logic of one live connection without I/O,
`live` gives it a WebSocket; `prerecorded` and `speak` are one HTTP request each. A call is one attempt,
without retries. May import `providers` and what that may. Start reading at `protocol`.
"""
