"""Real servers, a raw client to look at them, and a network that can be made to fail."""
