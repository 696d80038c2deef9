//! The store against a real QuestDB.

mod audit;
mod faults;
mod migrations;
mod reading;
mod rows;
mod sample;
