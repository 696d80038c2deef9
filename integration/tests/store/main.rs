//! The store against a real QuestDB.

mod audit;
mod faults;
mod migrations;
mod others;
mod reading;
mod rows;
mod sample;
mod settings;
