//! Contact checks before the fact, answered from the writer's state.
