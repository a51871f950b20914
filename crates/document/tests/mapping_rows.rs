//! What becomes of the cells of a row: read as the mapping says, or refused, kept or left out; never guessed, never lost.

use ecomesh_document::mapping::{CellProblem, CellWarning, Mapped, Mapping, Rejected};
use proptest::prelude::*;
use serde_json::{Value, json};

/// 28 November 2026.
const NOW_MS: u64 = 1_795_824_000_000;

/// A mapping for entries of seizures, in which tests describe one field more, filled from column 2.
fn mapping(field: &str) -> Mapping {
    let toml = format!(
        "form = \"seizure-entry\"
[csv]
blank = [\"-\"]
[constants]
source.reference = \"S-{{row}}\"
source.contact = \"desk\"
family = \"fauna\"
message = \"M\"
discovery.date = 2014
discovery.method = \"patrol\"
discovery.place = {{ text = \"Tsavo\", country = \"KE\" }}
\"products[1].kind\" = \"wildlife\"
\"products[1].quantities[1].certainty\" = \"unknown\"
[[field]]
to = \"products[1].scientific_name\"
column = \"taxon\"
[[field]]
column = \"cell\"
{field}"
    );
    Mapping::parse(&toml).unwrap_or_else(|report| panic!("{report}\n{toml}"))
}

fn row(field: &str, cell: &str) -> Result<Mapped, Rejected> {
    mapping(field).sheet(&["taxon", "cell"]).expect("the columns fit").row(
        7,
        &["Manis javanica", cell],
        NOW_MS,
    )
}

/// The form in JSON, if the row is accepted without any warning.
#[track_caller]
fn clean(field: &str, cell: &str) -> Value {
    let Mapped { form, warnings } = row(field, cell).unwrap_or_else(|rejected| panic!("{cell}: {rejected}"));
    assert_eq!(warnings, [], "{cell}");
    form.to_json()
}

#[track_caller]
fn refused(field: &str, cell: &str) -> CellProblem {
    let mut problems = row(field, cell).map(|m| m.form.to_toml()).expect_err("the cell is refused").problems;
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(!problems[0].reason.is_empty() && !problems[0].advice.is_empty(), "{problems:?}");
    problems.remove(0)
}

#[test]
fn texts_are_taken_as_they_are_and_refused_if_the_form_does() {
    let title = "to = \"operation\"";
    assert_eq!(clean(title, "  Thunder 2014\u{a0}")["operation"], "Thunder 2014");
    for blank in ["", "  ", "-", " - "] {
        assert_eq!(clean(title, blank).get("operation"), None, "{blank:?}");
    }
    let problem = refused(title, "a\u{202e}b");
    assert_eq!((problem.column.as_str(), problem.field.as_str()), ("cell", "operation"));
    assert_eq!(problem.cell, "a\u{fffd}b", "the excerpt is harmless");
    assert!(refused(title, "two\nlines").reason.contains("second line"));
    assert!(refused(title, &"x".repeat(2000)).reason.contains("1024"));
    assert_eq!(clean("to = \"remarks\"", "two\r\nlines")["remarks"], "two\nlines");
    assert_eq!(clean("to = \"operation\"\ndefault = \"none\"", "-")["operation"], "none");
    assert_eq!(clean("to = \"operation\"\nblank = \"N/A\"", "n/a").get("operation"), None);
}

#[test]
fn the_number_of_the_row_is_part_of_constants() {
    assert_eq!(clean("to = \"remarks\"", "")["source"]["reference"], "S-7");
}

#[test]
fn dates_are_read_in_the_stated_formats_alone() {
    let date = "to = \"products[1].appendix_date\"\nformats = [\"DD/MM/YYYY\", \"YYYY\"]";
    let read = |cell| clean(date, cell)["products"][0]["appendix_date"].clone();
    assert_eq!((read("05/03/2014"), read("2014")), ("2014-03-05".into(), "2014".into()));
    assert!(refused(date, "2014-03-05").reason.contains("not written as DD/MM/YYYY, YYYY"));
    assert!(refused(date, "31/02/2014").reason.contains("no such day"));
    let both = "to = \"products[1].appendix_date\"\nformats = [\"DD/MM/YYYY\", \"MM/DD/YYYY\"]";
    assert!(refused(both, "03/04/2014").reason.contains("could be"));
}

#[test]
fn numbers_have_a_point_or_a_comma_as_stated() {
    let number = |style: &str| {
        format!(
            "to = \"values[1].amount\"\n{style}\n[[when]]\nfilled = \"values[1]\"\nset = {{ \"values[1].currency\" = \"USD\" }}\n"
        )
    };
    let read = |style: &str, cell: &str| clean(&number(style), cell)["values"][0]["amount"].clone();
    assert_eq!(read("", "1234.50"), "1234.5");
    assert_eq!(read("decimal = \"comma\"", "1234,50"), "1234.5");
    assert_eq!(read("decimal = \"comma\"\nthousands = \".\"", "1.234,5"), "1234.5");
    assert!(refused(&number(""), "1,5").reason.contains("no number written as"));
    assert!(refused(&number("decimal = \"comma\""), "1.5").reason.contains("no number written as"));
    assert!(refused(&number(""), "-1").reason.contains("below zero"));
    assert_eq!(clean(&number(""), "").get("values"), None, "what depends on a blank cell is not there");
}

#[test]
fn codes_come_from_the_table_of_the_mapping_or_the_list_of_the_form() {
    let list = "to = \"products[1].term\"";
    let term = |field: &str, cell: &str| clean(field, cell)["products"][0]["term"].clone();
    for cell in ["SCA", "sca", "Scales", "écaille"] {
        assert_eq!(term(list, cell), "SCA", "{cell}");
    }
    assert!(refused(list, "wings").reason.contains("neither a code nor a name"));
    let table = "to = \"products[1].term\"\ntable = \"t\"\n[codes.t]\n\"Pangolin scales\" = \"SCA\"\n";
    assert_eq!(term(table, "pangolin SCALES"), "SCA");
    assert!(refused(table, "SCA").advice.contains("\"pangolin scales\""));
    let both = table.replace("table = \"t\"", "table = \"t\"\notherwise = \"read\"");
    assert_eq!((term(&both, "Pangolin scales"), term(&both, "tusks")), ("SCA".into(), "TUS".into()));
    assert!(refused(&both, "wings").reason.contains("neither a code nor a name"));
}

#[test]
fn countries_are_named_by_code_or_by_name() {
    let country = |by: &str| format!("to = \"products[1].origins\"\nseparator = \";\"\n{by}");
    let read = |by: &str, cell: &str| clean(&country(by), cell)["products"][0]["origins"].clone();
    assert_eq!(read("", "KE; TZA;Uganda;"), json!(["KE", "TZ", "UG"]));
    assert_eq!(read("by = \"code\"", "ke"), json!(["KE"]));
    assert_eq!(read("by = \"name\"", "DRC"), json!(["CD"]));
    // Of a list in one cell all fits, or the cell does not.
    assert_eq!(refused(&country(""), "KE;Congo").cell, "KE;Congo");
    assert!(refused(&country("by = \"code\""), "Kenya").reason.contains("neither"));
    assert!(refused(&country("by = \"name\""), "KE").reason.contains("neither"));
    assert!(refused(&country(""), ";;").reason.contains("nothing between them"));
}

#[test]
fn a_cell_that_does_not_fit_goes_where_the_mapping_says() {
    let date = |misfit: &str| {
        format!("to = \"products[1].appendix_date\"\nformats = [\"YYYY\"]\nmisfit = \"{misfit}\"")
    };
    assert_eq!(refused(&date("reject"), "spring").cell, "spring");
    let accepted = |field: &str, cell: &str| -> (Value, CellWarning) {
        let Mapped { form, mut warnings } = row(field, cell).unwrap_or_else(|rejected| panic!("{rejected}"));
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        (form.to_json(), warnings.remove(0))
    };
    let (form, warning) = accepted(&date("report"), " spring ");
    let reported = &form["reported"][0];
    assert_eq!((&reported["field"], &reported["text"]), (&"cell".into(), &"spring".into()));
    assert!(warning.reason.ends_with("kept word for word among the reported cells"), "{warning}");
    let long = "x".repeat(500);
    let (form, warning) = accepted(&date("drop-with-warning"), &long);
    assert_eq!(form.get("reported"), None);
    assert_eq!(
        (warning.cell.as_str(), warning.reason.ends_with("left out")),
        (&*long, true),
        "the warning holds it whole"
    );
    let instead = "to = \"products[1].appendix\"\nmisfit = \"report\"\ninstead = \"NC\"";
    let (form, warning) = accepted(instead, "App. 2");
    assert_eq!(form["products"][0]["appendix"], "NC");
    assert!(warning.reason.contains("NC stands instead"), "{warning}");
}

#[test]
fn what_the_form_refuses_does_not_fit_either() {
    let title = "to = \"operation\"\nmisfit = \"report\"";
    let Mapped { form, warnings } = row(title, "two\nlines").unwrap_or_else(|rejected| panic!("{rejected}"));
    let form = form.to_json();
    assert_eq!((form.get("operation"), &form["reported"][0]["text"]), (None, &"two\nlines".into()));
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    // What cannot even be kept refuses the row, and says of which column.
    let problem = refused(title, "a\u{202e}b");
    assert_eq!(problem.column, "cell");
    // What the form asks for is an error although its cell may go.
    let toml = "form = \"sltd-entry\"\n[constants]\nsource.reference = \"1\"\nstatus = \"lost\"\ndate = 2014\ndocument.kind = \"visa\"\n[[field]]\nto = \"document.number\"\ncolumn = 1\n[[field]]\nto = \"document.country\"\ncolumn = 2\nmisfit = \"drop-with-warning\"\n";
    let sheet = Mapping::parse(toml).expect("a mapping");
    let rejected =
        sheet.sheet(&["n", "c"]).expect("columns").row(2, &["A1", "Atlantis"], NOW_MS).unwrap_err();
    let problem = &rejected.problems[0];
    assert_eq!((rejected.problems.len(), problem.column.as_str()), (1, "c"), "{rejected}");
    assert!(problem.reason.contains("since its cell does not fit"), "{rejected}");
}

#[test]
fn what_guards_a_form_is_never_let_go() {
    let toml = "form = \"sltd-entry\"\nmisfit = \"report\"\n[constants]\nsource.reference = \"1\"\nsource.contact = \"desk\"\nstatus = \"lost\"\ndate = 2014\ndocument = { kind = \"visa\", country = \"KE\" }\n[[field]]\nto = \"document.number\"\ncolumn = 1\n[[field]]\nto = \"source.handling.excluded\"\ncolumn = 2\nseparator = \",\"\n";
    let mapping = Mapping::parse(toml).unwrap_or_else(|report| panic!("{report}"));
    let sheet = mapping.sheet(&["n", "not for"]).unwrap();
    let form = sheet.row(2, &["A1", "TH, Viet Nam"], NOW_MS).unwrap().form.to_json();
    assert_eq!(form["source"]["handling"]["excluded"], json!(["TH", "VN"]));
    let rejected = sheet.row(2, &["A1", "TH, Atlantis"], NOW_MS).unwrap_err();
    assert_eq!(rejected.problems[0].column, "not for", "{rejected}");
}

#[test]
fn the_column_of_a_list_that_the_form_refuses_is_the_one_that_goes() {
    let toml = "form = \"sltd-entry\"\n[constants]\nsource.reference = \"1\"\nsource.contact = \"desk\"\nsource.related = [\"R\"]\nstatus = \"lost\"\ndate = 2014\ndocument = { kind = \"visa\", country = \"KE\", number = \"A1\" }\n[[field]]\nto = \"source.related\"\ncolumn = 1\nseparator = \",\"\nmisfit = \"report\"\n[[field]]\nto = \"source.related\"\ncolumn = 2\nmisfit = \"report\"\n";
    let mapping = Mapping::parse(toml).unwrap_or_else(|report| panic!("{report}"));
    let sheet = mapping.sheet(&["a", "b"]).unwrap();
    let form = sheet.row(2, &["S,T", "two\nlines"], NOW_MS).unwrap().form.to_json();
    assert_eq!(form["source"]["related"], json!(["R", "S", "T"]));
    assert_eq!(
        (&form["reported"][0]["field"], &form["reported"].as_array().unwrap().len()),
        (&"b".into(), &1)
    );
}

#[test]
fn a_form_without_reported_cells_keeps_them_in_the_warning() {
    let toml = "form = \"message\"\n[constants]\nlanguage = \"en\"\n[[field]]\nto = \"text\"\ncolumn = \"text\"\n[[field]]\nto = \"priority\"\ncolumn = \"how fast\"\nmisfit = \"report\"\n";
    let mapping = Mapping::parse(toml).unwrap_or_else(|report| panic!("{report}"));
    let mapped = mapping.sheet(&["text", "how fast"]).unwrap().row(2, &["hello", "very"], NOW_MS).unwrap();
    assert_eq!((mapped.form.name(), mapped.warnings[0].cell.as_str()), ("message", "very"));
    assert!(mapped.warnings[0].reason.ends_with("left out"));
}

#[test]
fn notices_are_made_too_and_asked_for_all_that_a_request_needs() {
    let toml = "form = \"orange-notice\"\n[[field]]\nto = \"request.reference\"\ncolumn = \"ref\"\n";
    let mapping = Mapping::parse(toml).unwrap_or_else(|report| panic!("{report}"));
    let rejected = mapping.sheet(&["ref"]).unwrap().row(2, &["KE/1"], NOW_MS).unwrap_err();
    assert!(rejected.problems.iter().any(|p| p.field == "request.article_3"), "{rejected}");
    assert!(rejected.problems.iter().all(|p| p.column.is_empty() || p.column == "ref"), "{rejected}");
}

#[test]
fn several_columns_fill_one_field_and_one_column_several() {
    let toml = |join: &str| {
        format!(
            "form = \"vehicle-entry\"\n[constants]\nvehicle.kind = \"car\"\ntheft.kind = \"stolen\"\nsource.contact = \"desk\"\ntheft.place = {{ text = \"Moshi\", country = \"TZ\" }}\ntheft.report = \"1\"\n[[field]]\nto = \"source.reference\"\ncolumn = \"n\"\n[[field]]\nto = \"vehicle.engine_number\"\ncolumn = \"n\"\n[[field]]\nto = \"vehicle.part_numbers\"\ncolumn = \"n\"\n[[field]]\nto = \"vehicle.part_numbers\"\ncolumn = \"make\"\n[[field]]\nto = \"vehicle.make\"\ncolumn = [\"make\", \"model\"]\n[[field]]\nto = \"theft.date\"\ncolumn = [\"y\", \"m\", \"d\"]\njoin = \"{join}\"\nformats = [\"YYYY-M-D\", \"YYYY-M\", \"YYYY\"]\n"
        )
    };
    let mapping = Mapping::parse(&toml("-")).unwrap_or_else(|report| panic!("{report}"));
    let sheet = mapping.sheet(&["n", "make", "model", "y", "m", "d"]).unwrap();
    let form = |cells: &[&str]| sheet.row(2, cells, NOW_MS).map(|mapped| mapped.form.to_json());
    let whole = form(&["7", "Example", "City", "2014", "3", "5"]).unwrap();
    assert_eq!(
        (&whole["vehicle"]["make"], &whole["theft"]["date"]),
        (&"Example City".into(), &"2014-03-05".into())
    );
    assert_eq!(
        (&whole["source"]["reference"], &whole["vehicle"]["engine_number"]),
        (&"7".into(), &"7".into())
    );
    assert_eq!(whole["vehicle"]["part_numbers"], json!(["7", "Example"]));
    let without_day = form(&["7", "Example", "", "2014", "3", ""]).unwrap();
    assert_eq!(
        (&without_day["vehicle"]["make"], &without_day["theft"]["date"]),
        (&"Example".into(), &"2014-03".into())
    );
    // A year and a day are no year and month.
    let gap = form(&["7", "Example", "", "2014", "", "5"]).unwrap_err();
    assert_eq!(gap.problems[0].column, "y + m + d");
    assert!(gap.problems[0].reason.contains("blank before a filled one"), "{gap}");
}

#[test]
fn kept_columns_stand_word_for_word_among_the_reported_cells() {
    let toml = "form = \"sltd-entry\"\nkeep = [\"Heading\\nof two lines\", 3]\n[constants]\nsource.reference = \"1\"\nsource.contact = \"desk\"\nstatus = \"lost\"\ndate = 2014\ndocument.kind = \"visa\"\ndocument.country = \"KE\"\n[[field]]\nto = \"document.number\"\ncolumn = 1\n";
    let mapping = Mapping::parse(toml).unwrap_or_else(|report| panic!("{report}"));
    let sheet = mapping.sheet(&["n", "Heading\nof two lines", ""]).unwrap();
    let form = sheet.row(2, &["A1", " as it stands ", "-"], NOW_MS).unwrap().form.to_json();
    assert_eq!(
        form["reported"],
        json!([{ "field": "Heading of two lines", "text": "as it stands" }, { "field": "3", "text": "-" }])
    );
    let rejected = sheet.row(2, &["A1", "a\u{202e}b", ""], NOW_MS).unwrap_err();
    assert_eq!(rejected.problems[0].column, "Heading of two lines", "{rejected}");
    assert_eq!(sheet.row(2, &["A1", "", " "], NOW_MS).unwrap().form.to_json().get("reported"), None);
}

#[test]
fn rows_of_another_shape_are_refused() {
    let mapping = mapping("to = \"remarks\"");
    let sheet = mapping.sheet(&["taxon", "cell"]).unwrap();
    for (cells, words) in [
        (&["Manis javanica"][..], "the row has 1 cell where the sheet has 2 columns"),
        (&["Manis javanica", "a", "b"], "the row has 3 cells where the sheet has 2 columns"),
        (&[], "0 cells"),
        (&["", " "], "the row is empty"),
    ] {
        let rejected = sheet.row(2, cells, NOW_MS).unwrap_err();
        assert!(rejected.problems.len() == 1 && rejected.problems[0].reason.contains(words), "{rejected}");
    }
}

/// A cell: anything, or what readings look for.
fn cells() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[-0-9./, ]{0,12}",
        "(KE|Kenya|DRC|XX|sca|Scales|passport|lost|[A-Z]{3})?[;, ]?[ \u{a0}\u{202e}\n\r]?[a-z]{0,4}",
        "[A-HJ-NPR-Z0-9]{17}",
        Just("é".repeat(700)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_row_never_panics_whatever_its_cells(cells in prop::collection::vec(cells(), 0..32), number: u64) {
        for shipped in ecomesh_document::mapping::SHIPPED {
            let mapping = Mapping::parse(shipped.toml).expect("a shipped mapping");
            let ecomesh_document::mapping::Input::Csv(_) = mapping.input() else { continue };
            // The headings that the mapping asks for, taken from its own words.
            let mut columns: Vec<&str> = if shipped.name == "pangolin-incidents" {
                ecomesh_document::incident::COLUMNS.to_vec()
            } else {
                shipped.toml.lines().filter(|l| l.starts_with("column") || l.starts_with("keep"))
                    .flat_map(|l| l.split('"').skip(1).step_by(2)).collect()
            };
            columns.sort_unstable();
            columns.dedup();
            let sheet = mapping.sheet(&columns).expect("its own columns");
            let row: Vec<&str> = columns.iter().zip(cells.iter().cycle()).map(|(_, cell)| cell.as_str()).collect();
            for row in [&row[..], &cells.iter().map(String::as_str).collect::<Vec<_>>()] {
                match sheet.row(number, row, NOW_MS) {
                    Ok(mapped) => prop_assert!(!mapped.form.to_toml().is_empty()),
                    Err(rejected) => prop_assert!(!rejected.problems.is_empty() && !rejected.to_string().is_empty()),
                }
            }
        }
    }

    #[test]
    fn a_mapping_never_panics_whatever_its_text(text: String, broken in 0usize..4000, inserted in "[\\[\\]{}=\"a-z0-9. \n]{0,6}") {
        let _ = Mapping::parse(&text);
        for shipped in ecomesh_document::mapping::SHIPPED {
            let mut toml: Vec<char> = shipped.toml.chars().collect();
            let at = broken.min(toml.len());
            toml.splice(at..at, inserted.chars());
            let _ = Mapping::parse(&toml.into_iter().collect::<String>());
        }
    }
}

/// A list of persons: what the check of a form only warns of refuses no row of a list either.
#[test]
fn a_nationality_of_no_list_is_kept_with_a_warning_that_names_the_nearest() {
    let toml = "form = \"nominal-entry\"
[constants]
source = { reference = \"N-{row}\", contact = \"desk\" }
purpose = \"locate\"
article_3 = \"conforms\"
person = { status = \"suspect\", given_names = \"Ali\" }
facts = { text = \"Facts.\", crimes = [\"wildlife\"], date = 2014, place = { text = \"Mombasa\", country = \"KE\" } }
[[field]]
to = \"person.family_name\"
column = \"name\"
[[field]]
to = \"person.nationalities\"
column = \"nationality\"
";
    let map = |toml: &str, cell: &str| {
        let mapping = Mapping::parse(toml).unwrap_or_else(|report| panic!("{report}"));
        let sheet = mapping.sheet(&["name", "nationality"]).expect("the columns fit");
        sheet.row(2, &["EXAMPLE", cell], NOW_MS)
    };
    assert_eq!(map(toml, "Kenya").expect("a form").form.to_json()["person"]["nationalities"], json!(["KE"]));
    for (cell, advice) in [("XQ", ""), ("Kenia", "\"KE\" (Kenya)"), ("Kenya Colony", "\"KE\" (Kenya)")] {
        let Mapped { form, warnings } = map(toml, cell).unwrap_or_else(|rejected| panic!("{rejected}"));
        let warning = warnings.iter().find(|warning| warning.column == "nationality").expect("a warning");
        assert!(warning.cell == cell && warning.advice.contains(advice), "{warning:?}");
        let form = form.to_json();
        assert_eq!(form["person"].get("nationalities"), None, "{form}");
        let (field, text) = (&form["reported"][0]["field"], &form["reported"][0]["text"]);
        assert_eq!((field, text), (&json!("nationality"), &json!(cell)), "{form}");
    }
    // Whoever wants such rows refused says so.
    let strict = format!("misfit = \"reject\"\n{toml}");
    map(&strict, "Kenia").expect_err("it is refused");
}

/// An entry of a travel document whose dates a node would look at.
fn dated(misfit: &str) -> Mapping {
    let toml = format!(
        "form = \"sltd-entry\"
misfit = \"{misfit}\"
[constants]
source = {{ reference = \"S-{{row}}\", contact = \"desk\" }}
status = \"stolen\"
document = {{ kind = \"visa\", country = \"KE\" }}
[[field]]
to = \"document.number\"
column = \"number\"
[[field]]
to = \"date\"
column = \"stolen on\"
formats = [\"YYYY-MM-DD\"]
[[field]]
to = \"source.valid_until\"
column = \"kept until\"
formats = [\"YYYY-MM-DD\"]
[[field]]
to = \"document.issued\"
column = \"issued\"
formats = [\"YYYY-MM-DD\"]
[[field]]
to = \"document.expires\"
column = \"expires\"
formats = [\"YYYY-MM-DD\"]
"
    );
    Mapping::parse(&toml).unwrap_or_else(|report| panic!("{report}"))
}

const DATED: [&str; 5] = ["number", "stolen on", "kept until", "issued", "expires"];

#[test]
fn a_date_that_cannot_be_is_told_with_its_column() {
    let strict = dated("reject");
    let row = |cells: &[&str]| strict.sheet(&DATED).expect("the columns fit").row(2, cells, NOW_MS);
    let rejected = row(&["A1", "2026-11-02", "2020-01-01", "", ""]).unwrap_err();
    let past = "column \"kept until\" (source.valid_until), \"2020-01-01\": that day is past; choose a later one, or leave it blank";
    assert_eq!(rejected.to_string(), past);
    // With what is wrong otherwise, at once.
    let rejected = row(&["", "2026-11-02", "2020-01-01", "", ""]).unwrap_err();
    let columns: Vec<_> = rejected.problems.iter().map(|problem| problem.column.as_str()).collect();
    assert_eq!(columns, ["number", "kept until"], "{rejected}");
    let mapped = row(&["A1", "2031-01-01", "", "2020-01-01", "2019-01-01"]).expect("a form");
    let warnings: Vec<_> = mapped.warnings.iter().map(ToString::to_string).collect();
    for words in [
        "column \"expires\" (document.expires), \"2019-01-01\": it expires before it was issued; ",
        "column \"stolen on\" (date), \"2031-01-01\": it lies in the future; ",
    ] {
        assert!(warnings.iter().any(|warning| warning.starts_with(words)), "{warnings:?}");
    }

    // How long a form is kept is never let go, whatever the mapping says.
    let lax = dated("report");
    let sheet = lax.sheet(&DATED).expect("the columns fit");
    let cells = ["A1", "2026-11-02", "2020-01-01", "", ""];
    assert_eq!(sheet.row(2, &cells, NOW_MS).unwrap_err().to_string(), past);
    // The time is an argument.
    let before = sheet.row(2, &cells, 0).expect("a form");
    assert_eq!(before.form.to_json()["source"]["valid_until"], "2020-01-01");
}

#[test]
fn dates_of_constants_are_looked_at() {
    let toml = |until: &str| {
        format!(
            "form = \"sltd-entry\"\n[constants]\nsource = {{ reference = \"1\", contact = \"desk\", valid_until = \"{until}\" }}\nstatus = \"lost\"\ndate = 2014\ndocument = {{ kind = \"visa\", country = \"KE\" }}\n[[field]]\nto = \"document.number\"\ncolumn = 1\n"
        )
    };
    let row = |toml: &str| {
        let mapping = Mapping::parse(toml).unwrap_or_else(|report| panic!("{report}"));
        mapping.sheet(&["n"]).expect("the columns fit").row(2, &["A1"], NOW_MS)
    };
    let rejected = row(&toml("2020-01-01")).unwrap_err();
    let words = "source.valid_until: that day is past; choose a later one, or leave it out";
    assert_eq!(rejected.to_string(), words);
    row(&toml("2027-01-01")).expect("a form");
}
