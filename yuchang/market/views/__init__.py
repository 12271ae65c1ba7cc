"""The pages of the market, by who uses them: rounds (county, co-op, village), shop and orders (buyers)."""
