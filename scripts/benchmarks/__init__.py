"""What ``scripts/bench`` measures: one module a subject, each ratio beside its bound."""
