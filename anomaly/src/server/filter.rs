//! Filters after AIP-160, as far as scores need them: comparisons joined by AND.

use std::fmt::Write as _;

use station::time::Timestamp;
use store::read::Param;
use tonic::Status;

use super::errors::invalid;
use crate::severity::Severity;

/// A filter as conditions in SQL.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Filter {
    /// Conditions on the session's `ts`, which choose partitions.
    pub(crate) times: Vec<(&'static str, Timestamp)>,
    /// The other conditions; `{}` stands for the next value.
    conditions: Vec<(String, Option<Value>)>,
    has_severity: bool,
}

#[derive(Debug, PartialEq)]
enum Value {
    Text(String),
    Number(f64),
    Time(Timestamp),
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Quoted(String),
    Operator(&'static str),
}

/// Longer filters are refused.
const LENGTH_MAX: usize = 4096;

impl Filter {
    /// Reads a filter. Without a condition on severity, normal scores are left out.
    #[allow(clippy::result_large_err)]
    pub(crate) fn parse(text: &str) -> Result<Self, Status> {
        if text.len() > LENGTH_MAX {
            return Err(invalid("filter", format!("is longer than {LENGTH_MAX} bytes")));
        }
        let mut filter = Self::default();
        let tokens = tokens(text).map_err(|what| invalid("filter", what))?;
        let mut rest = tokens.as_slice();
        while !rest.is_empty() {
            let [Token::Word(field), Token::Operator(operator), value, after @ ..] = rest else {
                return Err(invalid(
                    "filter",
                    "must be comparisons joined by AND, like: severity >= WARNING AND station = \"CP-1\"",
                ));
            };
            let (Token::Word(value) | Token::Quoted(value)) = value else {
                return Err(invalid("filter", format!("{field} {operator} needs a value")));
            };
            filter.add(field, operator, value).map_err(|what| invalid("filter", what))?;
            rest = match after {
                [] => after,
                [Token::Word(and), more @ ..] if and == "AND" && !more.is_empty() => more,
                _ => return Err(invalid("filter", "comparisons are joined by AND; nothing else is known")),
            };
        }
        if !filter.has_severity {
            filter.conditions.push((in_list("severity", ">", Severity::Normal), None));
        }
        Ok(filter)
    }

    fn add(&mut self, field: &str, operator: &'static str, value: &str) -> Result<(), String> {
        let equality = matches!(operator, "=" | "!=");
        match field {
            "start_time" => self.times.push((operator, time(field, value)?)),
            "end_time" => {
                self.conditions
                    .push((format!("ended_at {operator} {{}}"), Some(Value::Time(time(field, value)?))));
            }
            "station" | "site" | "kind" if equality => {
                self.conditions
                    .push((format!("{field} {operator} {{}}"), Some(Value::Text(value.to_owned()))));
            }
            "station" | "site" | "kind" => return Err(format!("{field} can be compared by = and != alone")),
            "severity" => {
                let label = value.strip_prefix("SEVERITY_").unwrap_or(value).to_ascii_lowercase();
                let severity = Severity::from_label(&label).ok_or_else(|| {
                    format!("\"{value}\" is no severity: NORMAL, INFO, WARNING or CRITICAL")
                })?;
                self.has_severity = true;
                self.conditions.push((in_list("severity", operator, severity), None));
            }
            "score" => {
                let number: f64 = value.parse().map_err(|_| format!("\"{value}\" is no number"))?;
                if !number.is_finite() {
                    return Err("score needs a finite number".to_owned());
                }
                self.conditions.push((format!("score {operator} {{}}"), Some(Value::Number(number))));
            }
            _ => {
                return Err(format!(
                    "\"{field}\" is no field: start_time, end_time, station, site, kind, severity or score"
                ));
            }
        }
        Ok(())
    }

    /// The conditions beside those on `ts`, each with AND before it; their values are appended to `params`.
    pub(crate) fn sql<'a>(&'a self, params: &mut Vec<Param<'a>>) -> String {
        let mut sql = String::new();
        for (condition, value) in &self.conditions {
            sql.push_str(" AND ");
            match value {
                None => sql.push_str(condition),
                Some(value) => {
                    params.push(match value {
                        Value::Text(text) => Param::Text(text),
                        Value::Number(number) => Param::Double(*number),
                        Value::Time(time) => Param::Time(*time),
                    });
                    let _ = write!(sql, "{}", condition.replace("{}", &format!("${}", params.len())));
                }
            }
        }
        sql
    }
}

/// Severities are words in the store: a comparison is a list of those that fulfil it.
fn in_list(column: &str, operator: &str, than: Severity) -> String {
    let fulfils = |severity: &Severity| match operator {
        "=" => *severity == than,
        "!=" => *severity != than,
        "<" => *severity < than,
        "<=" => *severity <= than,
        ">" => *severity > than,
        _ => *severity >= than,
    };
    let labels: Vec<String> =
        Severity::ALL.iter().filter(|s| fulfils(s)).map(|s| format!("'{}'", s.label())).collect();
    if labels.is_empty() { "1 = 0".to_owned() } else { format!("{column} IN ({})", labels.join(", ")) }
}

fn time(field: &str, value: &str) -> Result<Timestamp, String> {
    chrono::DateTime::parse_from_rfc3339(value)
        .map(|time| Timestamp(time.timestamp_micros()))
        .map_err(|_| format!("{field} needs a time like \"2026-03-01T00:00:00Z\", not \"{value}\""))
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let operator = ["<=", ">=", "!=", "<", ">", "="].into_iter().find(|op| rest.starts_with(op));
        let length = if let Some(operator) = operator {
            tokens.push(Token::Operator(operator));
            operator.len()
        } else if first == '"' {
            let (value, length) = quoted(rest)?;
            tokens.push(Token::Quoted(value));
            length
        } else {
            let end = rest.find(|c: char| c.is_whitespace() || "<>=!\"".contains(c)).unwrap_or(rest.len());
            if end == 0 {
                return Err(format!("what begins with \"{first}\" is not understood"));
            }
            tokens.push(Token::Word(rest[..end].to_owned()));
            end
        };
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

/// A text in quotes, in which a backslash takes the next character as it is, and its length with the quotes.
fn quoted(text: &str) -> Result<(String, usize), String> {
    let mut value = String::new();
    let mut characters = text.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Ok((value, at + 1)),
            '\\' => value.extend(characters.next().map(|(_, c)| c)),
            _ => value.push(character),
        }
    }
    Err("a quote is not closed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_become_conditions() {
        let filter = Filter::parse(
            "severity >= WARNING AND site = \"har\\\"bour\" AND score<0.9999 AND start_time >= \
             \"2026-03-01T00:00:00Z\"",
        )
        .expect("a filter");
        let mut params = vec![Param::Long(1)];
        assert_eq!(
            filter.sql(&mut params),
            " AND severity IN ('warning', 'critical') AND site = $2 AND score < $3"
        );
        assert_eq!(params[1..], [Param::Text("har\"bour"), Param::Double(0.9999)]);
        assert_eq!(filter.times, [(">=", Timestamp(1_772_323_200_000_000))]);

        let filter = Filter::parse("").expect("no filter");
        assert_eq!(filter.sql(&mut Vec::new()), " AND severity IN ('info', 'warning', 'critical')");
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, what) in [
            ("colour = red", "filter: \"colour\" is no field"),
            ("severity >= HUGE", "filter: \"HUGE\" is no severity"),
            ("station > a", "filter: station can be compared by = and != alone"),
            ("start_time > noon", "filter: start_time needs a time like"),
            ("station = \"a", "filter: a quote is not closed"),
            ("station", "filter: must be comparisons joined by AND"),
            ("station = a OR station = b", "filter: comparisons are joined by AND"),
            ("station = a AND", "filter: comparisons are joined by AND"),
            ("score > NaN", "filter: score needs a finite number"),
        ] {
            let status = Filter::parse(text).expect_err(text);
            assert!(status.message().starts_with(what), "{text}: {}", status.message());
        }
    }
}
