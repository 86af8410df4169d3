"""One page that talks to an API, with `gatepass.js`: the access token lives in the memory of the page."""
