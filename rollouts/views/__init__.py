"""The pages of rollouts: reading, writing a draft, acting."""
