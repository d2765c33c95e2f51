//! Rules applied to facts: findings after the fact, verdicts before it. Pure.
