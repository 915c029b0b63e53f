"""Value types: names, validity, status, account, findings, wishes. No I/O, clock or crypto."""
