"""Making a CA home, and changing its settings."""
