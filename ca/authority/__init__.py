"""The verbs: functions over an opened Home that carry out the commands. No rules live here."""
