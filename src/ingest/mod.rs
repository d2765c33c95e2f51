//! The write path: one writer a market, group commit, derivation, due-queue.
