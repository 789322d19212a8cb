"""The service: words read over HTTP, from a browser, from curl, from any language (extra ``serve``).

Starlette, and not FastAPI, carries it: a request's body comes in three shapes and is read under limits while
it arrives, which FastAPI's models would not do for us, and its /docs asks another host for its scripts.

What comes in goes this way: `application` answers requests, `asks` reads their bodies, `batching` gathers the
pictures of many requests, `readers` reads them, `refusals` says no. `server` runs it all and drains it.
"""
