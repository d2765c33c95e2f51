//! Balances, allocations, promises and plans of one case, and the KPI facts that its history emits. Pure.
