"""A seeded county, generated with numpy alone: same seed, same bytes. Every person in it is made up.

``generate`` in ``demo.county.build`` is the way in; the other modules are one aspect each.
"""
