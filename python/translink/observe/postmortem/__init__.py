"""Why a call was as it was: from its record, in words and figures, with what can be done.

Sans-IO: a `CallRecord` in, a `Postmortem` out. `finding` is what is found; `delay`, `providers`, `sound` and
`words` find it; `report` puts it together and `prose` prints it. May import `observe.record` and
`observe.stages`. Start reading at `report`.
"""
