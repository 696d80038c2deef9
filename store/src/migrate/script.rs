//! The migrations, as they are built into the program.

use sha2::{Digest, Sha256};

/// One migration: a file of statements.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Migration {
    /// Its number; they are applied in this order.
    pub version: i32,
    /// Its file's name.
    pub name: &'static str,
    /// The file.
    pub sql: &'static str,
}

macro_rules! migration {
    ($version:literal, $name:literal) => {
        Migration {
            version: $version,
            name: $name,
            sql: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/", $name, ".sql")),
        }
    };
}

/// All, in their order.
pub const MIGRATIONS: &[Migration] =
    &[migration!(1, "0001_initial"), migration!(2, "0002_commands"), migration!(3, "0003_forecasts")];

impl Migration {
    /// SHA-256 of the file, in hexadecimal digits.
    #[must_use]
    pub fn checksum(&self) -> String {
        hex::encode(Sha256::digest(self.sql))
    }

    /// Its statements: they end with a semicolon at the end of a line; lines that begin with `--` are comments.
    #[must_use]
    pub fn statements(&self) -> Vec<String> {
        let code: Vec<&str> = self.sql.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
        code.join("\n")
            .split(";\n")
            .map(|statement| statement.trim().trim_end_matches(';').to_owned())
            .filter(|statement| !statement.is_empty())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::rows::TABLES;
    use crate::schema::Kind;

    #[test]
    fn every_file_is_built_in() {
        let mut files: Vec<String> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations"))
            .expect("migrations")
            .map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned())
            .collect();
        files.sort();
        let built_in: Vec<String> = MIGRATIONS.iter().map(|m| format!("{}.sql", m.name)).collect();
        assert_eq!(files, built_in);
        for (at, migration) in MIGRATIONS.iter().enumerate() {
            assert!(migration.name.starts_with(&format!("{:04}_", at + 1)), "{}", migration.name);
            assert_eq!(usize::try_from(migration.version), Ok(at + 1));
        }
    }

    #[test]
    fn statements_can_be_run_twice() {
        for migration in MIGRATIONS {
            for statement in migration.statements() {
                let repeatable = statement.contains(" IF NOT EXISTS ")
                    || statement.contains(" IF EXISTS ")
                    || statement.contains(" SET ");
                assert!(repeatable, "{}: write IF NOT EXISTS: {statement}", migration.name);
            }
        }
    }

    /// What rows write and what migrations make are the same, but for `ts`.
    #[test]
    fn rows_and_migrations_name_the_same_columns() {
        let mut made: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        for statement in MIGRATIONS.iter().flat_map(Migration::statements) {
            if let Some(rest) = statement.strip_prefix("CREATE TABLE IF NOT EXISTS ") {
                let (name, rest) = rest.split_once(" (").expect("columns");
                let (columns, _) = rest.split_once("\n) TIMESTAMP(ts)").expect("designated timestamp");
                made.insert(name.into(), columns.split(',').map(column_of).collect());
            } else if let Some(rest) = statement.strip_prefix("ALTER TABLE ") {
                let (name, rest) = rest.split_once(" ADD COLUMN IF NOT EXISTS ").expect("added column");
                made.get_mut(name).expect("table").extend([column_of(rest)]);
            }
        }
        let written: BTreeMap<String, BTreeMap<String, String>> = TABLES
            .iter()
            .map(|table| {
                let columns = table.columns.iter().map(|c| (c.name.to_owned(), c.kind.sql().to_owned()));
                let ts = [("ts".to_owned(), Kind::Time.sql().to_owned())];
                (table.name.to_owned(), columns.chain(ts).collect())
            })
            .collect();
        for (table, columns) in &made {
            assert_eq!(Some(columns), written.get(table), "{table}");
        }
        assert_eq!(made.len(), written.len());
    }

    fn column_of(text: &str) -> (String, String) {
        let (name, kind) = text.trim().split_once(' ').expect("name and type");
        (name.to_owned(), kind.trim().to_owned())
    }
}
