"""HTTP as every route and the guard use it: what a route is, JSON in and out.

Imports nothing of translink. Start reading at `route`.
"""
