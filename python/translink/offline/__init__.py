"""TODO theory of operation."""
