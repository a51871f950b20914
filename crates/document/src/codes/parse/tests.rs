use super::*;

fn errors(name: &str, text: &str) -> Vec<CodeTableError> {
    CodeTable::parse(name, text).expect_err("it is no table")
}

#[test]
fn what_spreadsheets_write_is_read() {
    let text = "\u{feff}# Units. \t\t\r\ncode\ten\tfr\tdimension\tscheme\t\r\nKIL\tkilograms\t\tmass\tcites\r\n\t\t\t\r\nPAI\t pairs\r\n";
    let table = CodeTable::parse("unit", text).expect("a table");
    assert_eq!(table.note, "Units.");
    let pairs = table.find("PAI").expect("a code");
    assert_eq!((pairs.label("fr"), pairs.column("scheme")), ("pairs", None));
    assert_eq!(table.find("KIL").and_then(|entry| entry.column("scheme")), Some("cites"));
    assert_eq!(
        table.to_tsv(),
        "# Units.\ncode\ten\tfr\tdimension\tscheme\nKIL\tkilograms\t\tmass\tcites\nPAI\tpairs\t\t\t\n"
    );
    // A language that the program's own tables lack.
    let text = "# Purposes.\ncode\ten\tar\nT\ttrade\tتجارة\n";
    assert_eq!(CodeTable::parse("purpose", text).expect("a table").entries()[0].label("ar"), "تجارة");
}

#[test]
fn a_wrong_head_is_told_by_line() {
    use CodeTableError as E;
    let list = "purpose";
    assert_eq!(
        errors("purposes", "")[0].to_string(),
        "there is no list \"purposes\"; did you mean \"purpose\"?"
    );
    assert!(errors("zzzzzzzz", "")[0].to_string().ends_with("`ecomesh codes list` names them"));
    for (text, expected) in [
        ("code\ten\nT\ttrade\n", vec![E::NoNote, E::NoCodeColumn { line: 2 }]),
        ("# \ncode\ten\nT\ttrade\n", vec![E::NoNote]),
        ("", vec![E::NoNote, E::NoCodeColumn { line: 2 }]),
        ("# Purposes.\nen\tcode\n", vec![E::NoCodeColumn { line: 2 }]),
        ("# Purposes.\n\ncode,en\n", vec![E::NoCodeColumn { line: 3 }]),
        ("# P.\ncode\tfr\nT\tcommerce\n", vec![E::MissingColumn { line: 2, name: "en", list }]),
        ("# P.\ncode\ten\ten\nT\ttrade\n", vec![E::Column { line: 2, name: "en".into() }]),
        ("# P.\ncode\ten\t\tfr\nT\ttrade\n", vec![E::Column { line: 2, name: String::new() }]),
        ("# P.\ncode\ten\tIn French\nT\ttrade\n", vec![E::Column { line: 2, name: "In French".into() }]),
        ("# P.\ncode\ten\n", vec![E::NoCodes]),
    ] {
        assert_eq!(errors(list, text), expected, "{text:?}");
    }
    let many = format!("# P.\ncode\ten{}\n", "\tx".repeat(COLUMNS_MAX));
    assert_eq!(errors(list, &many), [E::TooManyColumns { line: 2 }]);
}

#[test]
fn columns_that_the_program_reads_must_be_there() {
    for (list, column) in [
        ("term", "units"),
        ("unit", "dimension"),
        ("unit", "scheme"),
        ("country", "alpha3"),
        ("country", "scheme"),
        ("region", "m49"),
        ("region", "also"),
        ("region", "within"),
        ("region", "countries"),
    ] {
        let spec = ListSpec::find(list).expect("a list");
        let others: Vec<_> = spec.columns().iter().filter(|name| **name != column).copied().collect();
        let text = format!("# N.\ncode\ten\t{}\nA\tb\n", others.join("\t"));
        assert_eq!(
            errors(list, &text),
            [CodeTableError::MissingColumn { line: 2, name: column, list: spec.name }]
        );
    }
}

#[test]
fn wrong_lines_are_told_all_at_once() {
    use CodeTableError as E;
    let text = "# P.\ncode\ten\nT\ttrade\nT\tcommerce\nx y\tno code\n\tnothing\nZ\ttoo\tmany\nQ\n\
                G\tgar\u{202e}den\nB\t\"bred\"\nü\tletters\n";
    let control = errors("purpose", text);
    let expected = [
        E::Twice { line: 4, code: "T".into(), first: 3 },
        E::NoCode { line: 5, text: "x y".into() },
        E::NoCode { line: 6, text: String::new() },
        E::TooManyCells { line: 7, cells: 3, columns: 2 },
        E::NoLabel { line: 8, code: "Q".into() },
        E::Text {
            line: 9,
            column: "en".into(),
            reason: TextError::Control {
                name: "a bidirectional override control",
                code: 0x202e,
                line: 1,
                column: 4,
            },
        },
        E::Quoted { line: 10, text: "\"bred\"".into() },
        E::NoCode { line: 11, text: "ü".into() },
    ];
    assert_eq!(control, expected);
    for error in control {
        let text = error.to_string();
        let advice = text.split_once("; ").expect("an advice").1;
        assert!(text.starts_with("line ") && !advice.is_empty(), "{text}");
    }
    let long = format!("# P.\ncode\ten\nT\t{}\n", "x".repeat(LINE_BYTES_MAX + 1));
    assert!(matches!(errors("purpose", &long)[..], [E::Text { line: 3, .. }]));
    let note = "# P\u{1b}[2J.\ncode\ten\nT\ttrade\n";
    assert!(matches!(errors("purpose", note)[..], [E::Text { line: 1, .. }]));
}

#[test]
fn sizes_are_bounded() {
    let long = format!("# P.\ncode\ten\nT\ttrade\n{}", "\n".repeat(CODE_TABLE_BYTES_MAX));
    assert_eq!(errors("purpose", &long), [CodeTableError::TooLarge { bytes: long.len() }]);
    let head = "# P.\ncode\ten\n";
    let lines =
        |count: usize| head.to_owned() + &(1..=count).map(|n| format!("{n}\tx\n")).collect::<String>();
    assert_eq!(errors("purpose", &lines(CODE_TABLE_LINES_MAX - 1)), [CodeTableError::TooManyLines]);
    let most = CodeTable::parse("purpose", &lines(CODE_TABLE_LINES_MAX - 2)).expect("a table");
    assert_eq!(most.entries().len(), CODE_TABLE_LINES_MAX - 2);
    let wrong = head.to_owned() + &"?\tx\n".repeat(PROBLEMS_MAX + 1);
    assert_eq!(errors("purpose", &wrong).len(), PROBLEMS_MAX);
}
