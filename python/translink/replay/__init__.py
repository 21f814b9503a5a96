"""`translink replay`: a recorded call again, through a real server with today's settings.

The server runs here, in this process, on loopback; the parties call it as gateways do. What it recognises and
translates is compared with what was kept of the call.
"""
