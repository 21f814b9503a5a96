"""Interpreting, measured: word-timed talks through a real server, every word found at the ear.

Theory of operation. Three processes, as in `sim`: the callers, `translink serve`, which is what is
measured, and a server that stands for all providers (`server`). A talk (`words`) is a file of words
with their times. Its talker (`mouth`) sends a tone where a word is, silence where none is, and in
the lowest bits of each frame its place in the talk (`marks`). So the recogniser (`recognizer`) knows
what was said; it answers as a recorded nova session did. The translator makes of each word one that
has its number in its letters (`engines`), and the voice says that number as a chord (`chords`),
which is found again at the listener's UDP socket however the sound was stretched there. `measure`
compares what left the mouth with what came to the ear; `run` is the command.
"""
