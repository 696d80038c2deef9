//! What QuestDB itself says of how it is set up.

use std::collections::BTreeMap;
use std::time::Duration;

use store::StoreConfig;
use store::migrate::Mismatch;
use store::read::Reader;

use super::Finding;

/// Whoever checks a configuration does not want to wait longer for a server that is not there.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is wrong with the server; that it does not answer is a warning: the servers wait for it.
pub(super) async fn findings(config: &StoreConfig) -> Vec<Finding> {
    let reader = Reader::new(config);
    let parameters = match tokio::time::timeout(PATIENCE, store::server::parameters(&reader)).await {
        Ok(Ok(parameters)) => parameters,
        Ok(Err(error)) => return vec![Finding::Warning(format!("QuestDB was not looked at: {error}"))],
        Err(_) => {
            return vec![Finding::Warning(format!(
                "QuestDB was not looked at: {}:{} does not answer within {} s",
                config.pg.host,
                config.pg.port,
                PATIENCE.as_secs()
            ))];
        }
    };
    let mut findings = of_parameters(&parameters);
    match store::migrate::check_schema(config).await {
        Ok(mismatches) => findings.extend(of_schema(&mismatches)),
        Err(error) => findings.push(Finding::Warning(format!("the schema was not looked at: {error}"))),
    }
    match store::server::wal_tables(&reader).await {
        Ok(tables) => findings.extend(tables.iter().filter(|table| table.suspended).map(|table| {
            Finding::Error(format!(
                "the table {} is suspended: it takes rows and shows none ({}). Mend the cause, then ALTER TABLE {} \
                 RESUME WAL",
                table.table,
                table.error.as_deref().unwrap_or("no reason given"),
                table.table
            ))
        })),
        Err(error) => findings.push(Finding::Warning(format!("the tables were not looked at: {error}"))),
    }
    findings
}

/// Where no table is there, one line says so.
fn of_schema(mismatches: &[Mismatch]) -> Vec<Finding> {
    let (missing, others): (Vec<_>, Vec<_>) =
        mismatches.iter().partition(|mismatch| matches!(mismatch, Mismatch::Table(_)));
    let missing = match missing.as_slice() {
        [] | [_] => missing.iter().map(ToString::to_string).collect(),
        many => vec![format!("{} tables are missing: run `ampwarden migrate`", many.len())],
    };
    missing.into_iter().chain(others.iter().map(ToString::to_string)).map(Finding::Error).collect()
}

fn of_parameters(parameters: &BTreeMap<String, String>) -> Vec<Finding> {
    let value = |name: &str| parameters.get(name).map_or("", String::as_str);
    let mut findings = Vec::new();
    if value("cairo.commit.mode") != "sync" {
        findings.push(Finding::Warning(format!(
            "QuestDB's cairo.commit.mode is \"{}\": what it acknowledged may be lost in a power cut. Set \
             cairo.commit.mode=sync in its server.conf",
            value("cairo.commit.mode")
        )));
    }
    if value("cairo.default.sequencer.part.txn.count").parse::<i64>().is_ok_and(|count| count > 0) {
        findings.push(Finding::Warning(
            "QuestDB's cairo.default.sequencer.part.txn.count is above 0: one of its files is never synced. Leave it \
             at 0 (the V1 sequencer)"
                .into(),
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_store_is_told_in_one_line() {
        let found = of_schema(&[Mismatch::Table("a"), Mismatch::NoDedup("b"), Mismatch::Table("c")]);
        let Some(Finding::Error(first)) = found.first() else { panic!("{found:?}") };
        assert_eq!((first.as_str(), found.len()), ("2 tables are missing: run `ampwarden migrate`", 2));
    }

    #[test]
    fn what_a_power_cut_would_lose_is_said() {
        let parameters = |mode: &str, count: &str| {
            of_parameters(&BTreeMap::from([
                ("cairo.commit.mode".to_owned(), mode.to_owned()),
                ("cairo.default.sequencer.part.txn.count".to_owned(), count.to_owned()),
            ]))
        };
        assert_eq!(parameters("sync", "0"), []);
        assert_eq!(parameters("nosync", "0").len(), 1);
        assert_eq!(parameters("sync", "10").len(), 1);
    }
}
