"""Pure rules of procedures: working days, the step machine, reproducible samples, overdue rungs."""
