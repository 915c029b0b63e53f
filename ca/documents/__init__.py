"""What a command answers: one Struct a JSON document. Knows not how it is shown."""
