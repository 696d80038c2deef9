//! Tables for the terminal.

/// Columns aligned, two blanks between them, no blanks at line ends.
pub(crate) fn render(head: &[&str], rows: &[Vec<String>]) -> String {
    let width_of = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .chain([head[column].chars().count()])
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width_of).collect();
    let line = |cells: &[&str]| {
        let padded: Vec<String> =
            cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        padded.join("  ").trim_end().to_owned() + "\n"
    };
    let mut text = line(head);
    for row in rows {
        text += &line(&row.iter().map(String::as_str).collect::<Vec<_>>());
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn columns_are_aligned() {
        let rows = vec![vec!["Säule".into(), "1".into()], vec!["x".into(), "22".into()]];
        assert_eq!(super::render(&["KEY", "N"], &rows), "KEY    N\nSäule  1\nx      22\n");
    }
}
