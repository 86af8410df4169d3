"""What every adapter says over HTTP, whatever the framework: addresses, bodies, problems, the page that renews."""
