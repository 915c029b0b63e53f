"""Reading certification requests: armour repair, parsing, proof of possession, what was asked."""
