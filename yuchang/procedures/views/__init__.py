"""Pages of procedures: what is due, one case, the library and the calendar, the samples."""
