"""What the figures in docs/ were measured with; each module is a command."""
