"""What translink would be without its ledger: the control that proves the counting.

A server that does the main job as most do it: audio goes from the socket into a WebSocket, finals go to the
translator, translations to the voice, sound to the ear. When the WebSocket breaks it dials again, after a second and
then at most every two; what was said meanwhile, and what had been sent and was not final yet, is gone. What the
translator or the voice refuses is gone too. Without faults it loses nothing: the difference is the mechanism's.

    python -m tests.naive --config translink.toml

reads the same settings file as `translink serve` (`legs`, `deepgram`, `deepl`, `admin`) and answers as much of its HTTP
API as `translink sim` asks for. Written for this purpose; shares no code with translink.
"""
