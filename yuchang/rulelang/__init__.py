"""The closed, typed rule language: parse, check units, render, evaluate a row, emit SQL and NumPy.

No models, no Django, no clock. A rule is a yes/no expression over facts of one household, facts of
its members, dated parameters and the day of the decision. The language has no loops, no calls out
and no way to define functions, so every rule ends, and it can be printed, costed and loaded safely.

    text --lexer, parser--> Syntax --check--> Node --render / evaluate / sql / columns-->

``docs/rules/rule-language.md`` is the reader's page.
"""
