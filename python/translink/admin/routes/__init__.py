"""The admin server's routes, a file for each subject, and the shapes of requests and answers.

`table` lists the routes, `requests` parses bodies, `responses` writes answers, `openapi` describes
them all. A route asks the `Console` and holds no state of its own. May import `admin` and below.
Start reading at `table`.
"""
