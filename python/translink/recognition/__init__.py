"""From a leg's frames to results that count each word once.

`listener` keeps one leg listened to, whatever happens to its streams; `feed` paces the audio,
`timeline` keeps the books of what was heard, `pieces` recognises what a stream left behind. May
import `providers` and below. Start reading at `listener`.
"""
