"""Which contacts are one person: features of cards, blocks that are compared, a score with reasons.

How the weights and thresholds were chosen: docs/explanation/likeness.md.
"""
