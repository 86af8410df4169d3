"""What several tests need. No stand-ins for our own code: drivers, clocks and a register of secrets."""
