//! A mapping with a slip is refused, with the line and what was probably meant; so is a sheet that does not fit it.

use ecomesh_document::limits::MAPPING_BYTES_MAX;
use ecomesh_document::mapping::Mapping;

/// A whole mapping: lines 1 to 11. Tests add lines to it or change them.
const WHOLE: &str = "\
form = \"sltd-entry\"
[constants]
\"source.reference\" = \"LIST-{row}\"
\"document.kind\" = \"passport\"
[[field]]
to = \"document.number\"
column = \"Number\"
[[field]]
to = \"date\"
column = \"Since\"
formats = [\"YYYY-MM-DD\"]
";

/// The problems of a mapping, one a line.
fn problems(toml: &str) -> Vec<String> {
    match Mapping::parse(toml) {
        Ok(_) => Vec::new(),
        Err(report) => {
            assert!(
                report.problems().iter().all(|p| !p.message.is_empty() && !p.advice.is_empty()),
                "{report}"
            );
            report.problems().iter().map(ToString::to_string).collect()
        }
    }
}

#[track_caller]
fn assert_told(toml: &str, line: &str, words: &[&str]) {
    let told = problems(toml);
    let fits = |problem: &String| {
        (line.is_empty() || problem.contains(&format!("{line},")))
            && words.iter().all(|word| problem.contains(word))
    };
    assert!(told.iter().any(fits), "{line} {words:?} is not told:\n{}\n\n{toml}", told.join("\n"));
}

#[test]
fn the_whole_one_is_whole() {
    assert_eq!(problems(WHOLE), Vec::<String>::new());
}

#[test]
fn a_slip_is_told_with_its_line_and_what_was_meant() {
    let changed = |from: &str, to: &str| {
        assert!(WHOLE.contains(from), "{from}");
        WHOLE.replacen(from, to, 1)
    };
    for (toml, line, words) in [
        (
            changed("sltd-entry", "sltd-entri"),
            "line 1",
            &["there is no form", "did you mean \"sltd-entry\"?"][..],
        ),
        (changed("sltd-entry", "spreadsheet"), "line 1", &["choose one of \"ecomessage\""]),
        (changed("form = \"sltd-entry\"\n", ""), "", &["form: it is missing", "\"vehicle-entry\""]),
        (
            changed("document.number", "document.numbr"),
            "line 6",
            &["no field \"numbr\"", "did you mean number?"],
        ),
        (changed("\"date\"", "\"number\""), "line 9", &["did you mean document.number?"]),
        (changed("\"date\"", "\"document\""), "line 9", &["is a table", "kind, number"]),
        (changed("\"date\"", "\"reported[1].text\""), "line 9", &["name the column in keep"]),
        (changed("\"date\"", "\"date[1]\""), "line 9", &["leave the number out"]),
        (changed("\"date\"", "7"), "line 9", &["it is no text"]),
        (changed("column = \"Since\"\n", ""), "line 8", &["column", "name the column"]),
        (changed("to = \"date\"\n", ""), "line 8", &["to: it is missing"]),
        (changed("\"Since\"", "0"), "line 10", &["there is no column 0"]),
        (changed("\"Since\"", "true"), "line 10", &["where a column is wanted"]),
        (
            changed("column = \"Since\"", "colunm = \"Since\""),
            "line 10",
            &["no \"colunm\" here", "did you mean column?"],
        ),
        (changed("formats = [\"YYYY-MM-DD\"]\n", ""), "line 8", &["say how dates are written"]),
        (changed("YYYY-MM-DD", "DD/MM/YY"), "line 8", &["the century"]),
        (changed("YYYY-MM-DD", "day"), "line 8", &["no part of a date"]),
        (changed("[\"YYYY-MM-DD\"]", "[\"YYYY\"]\nread = \"text\""), "line 12", &["the field holds a date"]),
        (changed("[\"YYYY-MM-DD\"]", "[\"YYYY\"]\ndecimal = \"comma\""), "", &["decimal is for numbers"]),
        (changed("[\"YYYY-MM-DD\"]", "[\"YYYY\"]\nby = \"name\""), "", &["by is for countries"]),
        (changed("[\"YYYY-MM-DD\"]", "[\"YYYY\"]\nseparator = \";\""), "", &["a field that is a list"]),
        (changed("[\"YYYY-MM-DD\"]", "[\"YYYY\"]\njoin = \";\""), "", &["filled from several columns"]),
        (changed("[\"YYYY-MM-DD\"]", "[\"YYYY\"]\ninstead = 2014"), "", &["nothing stands instead"]),
        (
            changed("[\"YYYY-MM-DD\"]", "[\"YYYY\"]\nmisfit = \"drop\""),
            "line 12",
            &["choose one of reject, report"],
        ),
        (
            changed("[\"YYYY-MM-DD\"]", "[\"YYYY\"]\nmisfit = \"rejet\""),
            "line 12",
            &["did you mean \"reject\"?"],
        ),
        (changed("[\"YYYY-MM-DD\"]", "[\"YYYY\"]\ndefault = \"soon\""), "line 12", &["default"]),
        (
            changed("[\"YYYY-MM-DD\"]", "[\"YYYY\"]\ntable = \"dates\""),
            "line 12",
            &["no table of codes \"dates\""],
        ),
        (
            changed("passport", "pasport"),
            "line 4",
            &["not in the list of codes", "did you mean \"passport\""],
        ),
        (changed("\"document.kind\"", "\"document.knid\""), "line 4", &["did you mean kind?"]),
        (changed("\"passport\"", "3"), "line 4", &["a code in quotes is wanted"]),
        (changed("\"document.kind\" = \"passport\"", "date = 2014"), "line 8", &["fills this field twice"]),
        (changed("[constants]", "[constant]"), "line 2", &["did you mean constants?"]),
        (
            changed("[constants]", "misfit = \"report\"\nbuilt-in = \"public-notices\"\n[constants]"),
            "",
            &["make the form \"red-notice\""],
        ),
        (
            changed("[constants]", "ignore = 3\n[constants]").replace("ignore = 3", "ignore = [true]"),
            "line 2",
            &["where a column is wanted"],
        ),
        (
            changed("form = \"sltd-entry\"", "form = \"message\"\nkeep = [\"Other\"]"),
            "",
            &["no reported cells"],
        ),
        (
            format!("{WHOLE}[codes.kind]\n\"P\" = \"passport\"\n"),
            "line 12",
            &["no field uses the table of codes \"kind\""],
        ),
        (format!("{WHOLE}[csv]\ndelimiter = \"/\"\n"), "line 13", &["delimiter"]),
        (format!("{WHOLE}[csv]\nheader = false\n"), "", &["how many columns the sheet has"]),
        (
            format!("{WHOLE}[csv]\nheader = false\ncolumns = 2\n"),
            "line 7",
            &["write the number of the column"],
        ),
        (format!("{WHOLE}[csv]\ncolumns = 2\n"), "", &["delete the line"]),
        (format!("{WHOLE}[csv]\nencoding = \"latin1\"\n"), "line 13", &["no \"encoding\" here"]),
        (
            format!("{WHOLE}[[when]]\nfilled = \"place\"\nset = {{ remarks = \"x\" }}\n"),
            "line 13",
            &["no column fills it"],
        ),
        (
            format!("{WHOLE}[[when]]\nfilled = \"dat\"\nset = {{ remarks = \"x\" }}\n"),
            "line 13",
            &["did you mean date?"],
        ),
        (
            format!("{WHOLE}[[when]]\nfilled = \"date\"\nset = {{ date = \"2014\" }}\n"),
            "line 14",
            &["fills this field twice"],
        ),
        (format!("{WHOLE}[[when]]\nfilled = \"date\"\n"), "line 12", &["say what holds then"]),
        (format!("{WHOLE}[[when]]\nset = {{ remarks = \"x\" }}\n"), "line 12", &["filled: it is missing"]),
        (
            format!(
                "{WHOLE}[[field]]\nto = \"source.handling.excluded\"\ncolumn = \"c\"\nmisfit = \"report\"\n"
            ),
            "line 12",
            &["is not let go", "seen by more"],
        ),
        (
            changed("[\"YYYY-MM-DD\"]", "[\"YYYY\"]\ntable = 3"),
            "line 12",
            &["name of a table of codes in quotes"],
        ),
        (
            changed("[\"YYYY-MM-DD\"]", "[\"YYYY\"]\notherwise = \"read\""),
            "",
            &["a field that has a table of codes"],
        ),
        (changed("[\"YYYY-MM-DD\"]", "[\"YYYY\"]\nblank = 3"), "line 12", &["a text in quotes is wanted"]),
        (changed("form = ", "title = 3\nform = "), "line 1", &["a text in quotes is wanted"]),
        (format!("{WHOLE}[csv]\nheader = \"no\"\n"), "line 13", &["true or false is wanted"]),
        ("form = \"sltd-entry\"\nfield = []\n".into(), "line 2", &["a mapping has 1 to"]),
        ("form = \"sltd-entry\"\n".into(), "", &["field: it is missing"]),
        ("form = \"sltd-entry\"\nfield = [1]\n".into(), "line 2", &["where a table is wanted"]),
        ("form = \n".into(), "line 1", &["this is no TOML"]),
        (
            "built-in = \"pangolins\"\nform = \"ecomessage\"\n".into(),
            "line 1",
            &["none of the words for built-in"],
        ),
        (
            "built-in = \"pangolin-incidents\"\nform = \"ecomessage\"\nignore = []\n".into(),
            "line 3",
            &["no \"ignore\" here"],
        ),
        ("x".repeat(MAPPING_BYTES_MAX + 1), "", &["bytes where at most"]),
    ] {
        assert_told(&toml, line, words);
    }
}

#[test]
fn a_table_of_codes_has_codes_of_the_form_and_one_meaning_for_each_word() {
    let with = |lines: &str| {
        format!(
            "form = \"sltd-entry\"\n[[field]]\nto = \"status\"\ncolumn = 1\ntable = \"state\"\n[codes.state]\n{lines}"
        )
    };
    assert_eq!(problems(&with("\"Gone\" = \"lost\"\n\"GONE\" = \"lost\"\n")), Vec::<String>::new());
    assert_told(&with("\"Gone\" = \"lsot\"\n"), "line 7", &["did you mean \"lost\""]);
    assert_told(&with("\"Gone\" = \"lost\"\n\"GONE\" = \"stolen\"\n"), "line 7", &["two meanings"]);
}

#[test]
fn a_sheet_that_does_not_fit_is_told_column_by_column() {
    let mapping =
        Mapping::parse(&WHOLE.replace("[constants]", "ignore = [\"Holder\", \"Gone\"]\n[constants]"))
            .unwrap();
    assert!(mapping.sheet(&["Number", "Since"]).is_ok(), "what is ignored need not be there");
    assert!(mapping.sheet(&["\u{feff}Since", " Number ", "Holder"]).is_ok());
    let told = |header: &[&str]| mapping.sheet(header).map(|_| ()).unwrap_err().to_string();
    let said = told(&["Numbers", "Since"]);
    assert!(
        said.contains("line 8") && said.contains("no column \"Number\"; did you mean \"Numbers\"?"),
        "{said}"
    );
    assert!(said.contains("what becomes of column 1, \"Numbers\""), "{said}");
    let said = told(&["Number", "Since", "Number"]);
    assert!(said.contains("several columns \"Number\"; name the column by its number"), "{said}");
    let said = told(&["Number", "Since", "Colour", ""]);
    assert!(said.contains("column 3, \"Colour\"; map it to a field, name it in keep"), "{said}");
    assert!(said.contains("column 4, \"\""), "{said}");
    assert!(told(&[]).contains("the sheet has 0 columns"));
    let said = told(&["Number;Since;Colour"]);
    assert!(said.contains("no \",\" in the header, but 2 of \";\"; write delimiter = \";\""), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    // By number a column is found whatever its heading.
    let numbered = Mapping::parse(&WHOLE.replace("\"Number\"", "1")).unwrap();
    assert!(numbered.sheet(&["x", "Since"]).is_ok());
    let headless =
        WHOLE.replace("\"Number\"", "1").replace("\"Since\"", "2") + "[csv]\nheader = false\ncolumns = 2\n";
    let headless = Mapping::parse(&headless).unwrap_or_else(|report| panic!("{report}"));
    assert_eq!(headless.sheet(&[]).unwrap().columns(), ["1", "2"]);
}
