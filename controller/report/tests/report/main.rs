//! Pages of made-up runs, read as text and in a real browser.

mod browser;
mod fixture;
mod hostile;
mod pages;
mod size;
