"""Deepgram's clients: live and prerecorded recognition, speech synthesis.

Theory of operation
    `options` says what is asked for and where; `protocol` is the whole logic of one live connection
    without any I/O; `live` gives it a WebSocket; `prerecorded` and `speak` are one HTTP request
    each. Nothing here retries or knows of another provider: each call is one attempt, which yields
    results or raises `ProviderError`.

    Times on the wire are seconds of audio sent on that connection (float32 printed as decimals).
    Here they are samples, rounded, counting only the audio that the caller gave: silence sent to
    keep a connection open is subtracted. They restart at 0 with every connection.
"""
