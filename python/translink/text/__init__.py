"""Text as people write it: where a sentence ends, what a voice can say of it, which terms a recogniser
is given. Sans-IO.

Every folder may import it; it imports nothing but itself. Start with `sentences`, then `sayable`.
"""
