"""Pictures of the page, and the page driven for them and for measurements."""
