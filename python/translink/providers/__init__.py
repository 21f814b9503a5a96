"""Speech recognition, translation and speech by others, and what to do when they fail.

`protocols` says what a provider is, `abilities` how it says which languages it has; `deepgram/`,
`deepl`, `elevenlabs/` and `openai/` are some, which know nothing of each other or of the rest.
`breaker`, `backoff`, `attempts`, `gate` and `lineup` decide who is asked, when and how often. May
import `observe` and below. Start reading at `protocols`, then `lineup`.
"""
