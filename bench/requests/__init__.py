"""Requests: what each mode adds to a request of Starlette and of FastAPI, beside its budget and its peers.

In process, where the app is called as a server would call it, and behind wrk, where a server calls it.
"""
