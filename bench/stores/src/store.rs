//! The stores, each used as its documentation says for data that must not be lost.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use redb::{ReadableDatabase, ReadableTable, TableDefinition};

use crate::journal::{Journal, JournalConfig, Reader};

const EVENTS: TableDefinition<'static, u64, &'static [u8]> = TableDefinition::new("events");

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Floor,
    Ours,
    Fjall,
    Redb,
}

pub(crate) enum Store {
    /// A write and `fdatasync` of the same bytes.
    Floor(File),
    Ours(Journal, PathBuf),
    Fjall(Database, Keyspace),
    Redb(redb::Database),
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Floor, Self::Ours, Self::Fjall, Self::Redb];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Ours => "ours",
            Self::Fjall => "fjall",
            Self::Redb => "redb",
        }
    }
}

impl Store {
    pub(crate) fn open(kind: Kind, folder: &Path) -> anyhow::Result<Self> {
        Ok(match kind {
            Kind::Floor => Self::Floor(File::create(folder.join("floor"))?),
            Kind::Ours => {
                let config = JournalConfig { folder: folder.to_owned(), ..JournalConfig::default() };
                Self::Ours(Journal::open(config)?, folder.to_owned())
            }
            Kind::Fjall => {
                let database = Database::builder(folder.join("fjall")).open()?;
                let events = database.keyspace("events", KeyspaceCreateOptions::default)?;
                Self::Fjall(database, events)
            }
            Kind::Redb => Self::Redb(redb::Database::create(folder.join("redb"))?),
        })
    }

    /// Appends a group; it is on the disk when this returns.
    pub(crate) fn append(&mut self, first: u64, events: &[Vec<u8>]) -> anyhow::Result<()> {
        match self {
            Self::Floor(file) => {
                file.write_all(&events.concat())?;
                file.sync_data()?;
            }
            Self::Ours(journal, _) => drop(journal.append(events)?),
            Self::Fjall(database, keyspace) => {
                let mut batch = database.batch().durability(Some(PersistMode::SyncData));
                for (n, event) in (first..).zip(events) {
                    batch.insert(keyspace, n.to_be_bytes(), event.as_slice());
                }
                batch.commit()?;
            }
            Self::Redb(database) => {
                let write = database.begin_write()?;
                {
                    let mut table = write.open_table(EVENTS)?;
                    for (n, event) in (first..).zip(events) {
                        table.insert(n, event.as_slice())?;
                    }
                }
                write.commit()?;
            }
        }
        Ok(())
    }

    /// Reads all in order; how many there were.
    pub(crate) fn read_all(&self) -> anyhow::Result<u64> {
        let mut count = 0;
        match self {
            Self::Floor(_) => {}
            Self::Ours(journal, folder) => {
                let mut reader = Reader::new(folder.clone(), journal.progress(), 1);
                let mut bytes = Vec::new();
                while reader.read(&mut bytes, &mut |_| {})?.is_some() {
                    count += 1;
                }
            }
            Self::Fjall(_, keyspace) => {
                for event in keyspace.iter() {
                    count += u64::from(!event.value()?.is_empty());
                }
            }
            Self::Redb(database) => {
                for event in database.begin_read()?.open_table(EVENTS)?.iter()? {
                    count += u64::from(!event?.1.value().is_empty());
                }
            }
        }
        Ok(count)
    }

    /// Gives up what lies before that number, and its room on the disk.
    pub(crate) fn free(&mut self, before: u64) -> anyhow::Result<()> {
        match self {
            Self::Floor(_) => {}
            Self::Ours(journal, folder) => Journal::free(&journal.progress(), folder, before)?,
            Self::Fjall(database, keyspace) => {
                for first in (0..before).step_by(1_000) {
                    let mut batch = database.batch();
                    for n in first..before.min(first + 1_000) {
                        batch.remove(keyspace, n.to_be_bytes());
                    }
                    batch.commit()?;
                }
                database.persist(PersistMode::SyncAll)?;
                keyspace.major_compact()?;
            }
            Self::Redb(database) => {
                let write = database.begin_write()?;
                write.open_table(EVENTS)?.retain_in(..before, |_, _| false)?;
                write.commit()?;
                database.compact()?;
            }
        }
        Ok(())
    }
}
