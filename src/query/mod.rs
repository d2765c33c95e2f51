//! The read path: cases, activities, findings, rules and KPIs.
