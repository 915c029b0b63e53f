"""Tools for laboratories, built on the verbs: lab files, fixtures, samples."""
