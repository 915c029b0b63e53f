"""The page on the operator's own machine: paste a CSR, see the account, sign, take the files.

Calls the verbs that the command line calls; has no rule and no SQL of its own.
"""
