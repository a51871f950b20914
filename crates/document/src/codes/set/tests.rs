use super::*;
use crate::codes::LISTS;

/// The built-in table of a list, with its text changed.
fn changed(list: &str, change: impl Fn(String) -> String) -> CodeTable {
    let own = builtin().get(list).expect("a list").to_tsv();
    let text = change(own.clone());
    assert_ne!(text, own, "{list} was not changed");
    CodeTable::parse(list, &text).expect("a table")
}

fn without(list: &str, code: &str) -> CodeTable {
    changed(list, |text| {
        let lines = text.lines().filter(|line| !line.starts_with(&format!("{code}\t")));
        lines.map(|line| format!("{line}\n")).collect()
    })
}

fn with(list: &str, line: &str) -> CodeTable {
    changed(list, |text| format!("{text}{line}\n"))
}

fn errors(tables: Vec<CodeTable>) -> Vec<ReplaceError> {
    CodeSet::with(tables).expect_err("they do not fit")
}

#[test]
fn the_tables_of_the_program_fit_and_what_must_stay_is_there() {
    let all: Vec<_> = builtin().iter().cloned().collect();
    let set = CodeSet::with(all).expect("they fit");
    for list in LISTS {
        assert!(set.is_replaced(list.name) && !builtin().is_replaced(list.name));
        let table = set.get(list.name).expect("a table");
        if let MayChange::Keeps(codes) = list.may_change {
            assert!(!codes.is_empty() && codes.len() <= table.entries().len());
            assert!(codes.iter().all(|code| table.find(code).is_some()), "{}", list.name);
        }
    }
}

#[test]
fn open_lists_take_and_lose_codes() {
    let set = CodeSet::with([with("purpose", "K\tcircus"), without("source", "C")]).expect("they fit");
    assert!(set.get("purpose").is_some_and(|table| table.find("K").is_some()));
    assert!(set.get("source").is_some_and(|table| table.find("C").is_none()));
    assert_eq!(set.get("family"), builtin().get("family"));
}

#[test]
fn what_must_stay_stays() {
    use ReplaceError as E;
    let lacks = |list, codes: &str| E::Lacks { list, codes: codes.to_owned() };
    assert!(CodeSet::with([with("leg-role", "storage\tstorage"), without("term", "BAL")]).is_ok());
    assert_eq!(errors(vec![without("leg-role", "origin")]), [lacks("leg-role", "origin")]);
    assert!(CodeSet::with([with("country", "XQ\tXQQ\tNewland\tother")]).is_ok());
    assert_eq!(errors(vec![without("country", "SU")]), [lacks("country", "SU")]);
    assert_eq!(errors(vec![without("language", "es")]), [lacks("language", "es")]);
    let others = E::Fixed { list: "priority", codes: "slow".to_owned() };
    assert_eq!(errors(vec![with("priority", "slow\tslow")]), [others]);
    let labels = changed("priority", |text| text.replace("routine\troutine", "routine\tin its turn"));
    assert!(CodeSet::with([labels]).is_ok());
    assert_eq!(errors(vec![without("source", "C"), without("source", "D")]), [E::Twice { list: "source" }]);
}

#[test]
fn lists_that_refer_to_each_other_fit() {
    use ReplaceError as E;
    let term = || with("term", "QQQ\tquills\t\t\tKIL XQ");
    let no_unit =
        |list, term: &str, unit: &str| E::NoUnit { list, term: term.to_owned(), unit: unit.to_owned() };
    assert_eq!(errors(vec![term()]), [no_unit("term", "QQQ", "XQ")]);
    let unit = with("unit", "XQ\theaps\t\t\tcount\tecomesh");
    assert!(CodeSet::with([term(), unit]).is_ok());
    // The list that was replaced is at fault, although the other one refers to it.
    let all = errors(vec![without("unit", "MYG")]);
    assert!(all.len() > 5 && all.iter().all(|error| error.list() == "unit"), "{all:?}");

    let region = |line: &str| errors(vec![with("region", line)]);
    let (list, own) = ("region", "sahel".to_owned());
    assert_eq!(
        region("sahel\tSahel\t\t\t\t\t\tML QX"),
        [E::NoCountry { list, region: own.clone(), country: "QX".to_owned() }]
    );
    assert_eq!(
        region("sahel\tSahel\t\t\t\t\tmars\tML"),
        [E::NoRegion { list, region: own.clone(), within: "mars".to_owned() }]
    );
    assert_eq!(region("sahel\tSahel\t\t\t\t\tsahel\tML"), [E::Circle { list, region: own.clone() }]);
    let circle = changed("region", |text| text.replace("\t002\t\t\t", "\t002\t\teastern-africa\t"));
    let circle = errors(vec![circle]);
    assert!(circle.iter().all(|error| matches!(error, E::Circle { .. })) && circle.len() >= 2, "{circle:?}");
    let (first, name) = ("northern-africa".to_owned(), "north-africa".to_owned());
    assert_eq!(
        region("sahel\tSahel\t\t\t\tnorth-africa\t\tML"),
        [E::SameName { list, first, second: own, name }]
    );
}

#[test]
fn every_error_says_what_to_do() {
    for error in errors(vec![
        without("language", "es"),
        with("priority", "slow\tslow"),
        with("term", "QQQ\tquills\t\t\tXQ"),
        with("region", "sahel\tSahel\t\t\t\tafrica\tmars\tQX"),
    ]) {
        let text = error.to_string();
        assert!(
            text.split_once("; ").is_some_and(|(what, help)| what.len() > 10 && help.len() > 8),
            "{text}"
        );
        assert!(text.contains(error.list()) || matches!(error, ReplaceError::SameName { .. }), "{text}");
    }
}
