"""What the operator decides: read from files, environment and flags, checked, explained.

`model` is the shape, a file for each of its sections: `legs`, `telephony`, `admin`, `services`,
`vendors`, `speech`, `lag`, `process`. `load` finds and merges the sources, `explain` turns what is
wrong into a sentence with the mend, `secrets` reads keys. May import the root's modules; nothing
here knows what a setting is used for. Start reading at `model`.
"""
