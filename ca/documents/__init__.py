"""What commands answer: one Struct for each JSON document, without any means to display it."""
