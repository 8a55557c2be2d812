"""A whole run against a stand-in for the provider on loopback."""
