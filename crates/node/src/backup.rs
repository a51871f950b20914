//! Backup and restore of a node.
