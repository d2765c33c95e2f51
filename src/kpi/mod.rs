//! KPI definitions: measures, cells and the figures made from them. Pure.
