"""The local engines behind the offline server: recognition, translation and speech.

`protocols` says what an engine is. Each is a program of somebody else's in a process of its own; none
knows the wire. May import `process` and the root's modules. Start reading at `protocols`, then `recognizer`.
"""
