"""Looking at what the register and the library hold, and writing it out again. Changes nothing."""
