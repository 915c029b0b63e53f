"""Reports: what the register and the library hold, shown or written out. Changes nothing."""
