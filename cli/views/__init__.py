"""From a document to text for people."""
