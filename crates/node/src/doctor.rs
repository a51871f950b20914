//! Looks for damage in a node's folder, and repairs it.
