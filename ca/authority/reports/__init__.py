"""Reports of what the register and the library contain; the register is not changed."""
