"""A first login: form, protected page, device list and logout, with gatepass's core and nothing else of it."""
