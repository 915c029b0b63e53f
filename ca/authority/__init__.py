"""Verbs: functions over an opened Home, where all rooms meet. No rule lives here."""
