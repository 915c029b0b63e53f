"""Enrolment by SCEP: requests judged, kept in a queue, decided, answered; challenges."""
