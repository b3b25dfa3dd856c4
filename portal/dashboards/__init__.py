"""What needs someone: home, inbox and navigation."""
