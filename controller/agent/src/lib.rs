//! Our hands on a host: supervises one node's process, injects faults into it and undoes them.
//!
//! The controller starts an agent where the node shall run and talks to it over a pipe, one JSON
//! frame a line: see [`protocol`].

pub mod protocol;
