"""ElevenLabs' voices over HTTP, streamed.

`speak` is all there is. May import `providers`' own modules and what they may import; knows nothing
of the other vendors.
"""
