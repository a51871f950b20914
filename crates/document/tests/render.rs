//! The printed layout.

use ecomesh_document::{Document, render};

#[test]
fn an_ecomessage_is_printed_with_labels_and_without_absent_fields() {
    let text = include_str!("../../../node-config/demo/th-02-scales-suvarnabhumi.toml");
    let (document, _) = Document::from_toml(text).unwrap();
    let printed = render(&document);
    for line in [
        "ECOMESSAGE",
        "Reference:             TH/NED/2017/0044",
        "To:                    KE; FR; CN",
        "1 SUBJECT",
        "  Family:                wild fauna",
        "      Country:               TR (Turkey)",
        "  Term:                  SCA (scales)",
        "  Quantity (1 of 2)",
        "    Amount:                2.9",
        "    Unit:                  TON (tonnes)",
    ] {
        assert!(printed.lines().any(|l| l == line), "{line}\n---\n{printed}");
    }
    for absent in ["PERSONS", "Priority", "Alias"] {
        assert!(!printed.contains(absent), "{absent}");
    }
}

#[test]
fn right_to_left_text_is_isolated_line_by_line_and_kept_whole() {
    let toml = "form = \"message\"\nlanguage = \"ar\"\ntitle = \"عاج 12\"\ntext = \"السطر الأول (1)\\nsecond line\\nالثالث\"\n";
    let (document, _) = Document::from_toml(toml).unwrap();
    let printed = render(&document);
    for line in [
        "\u{2068}عاج 12\u{2069}",
        "    \u{2068}السطر الأول (1)\u{2069}",
        "    second line",
        "    \u{2068}الثالث\u{2069}",
    ] {
        assert!(printed.lines().any(|l| l.ends_with(line)), "{line}\n---\n{printed}");
    }
    assert_eq!(printed.matches('\u{2068}').count(), printed.matches('\u{2069}').count());
}

#[test]
fn titles_fall_back_on_what_there_is() {
    let text = include_str!("../../../node-config/demo/ke-01-ivory-mombasa.toml");
    let untitled: String =
        text.lines().filter(|l| !l.starts_with("title")).map(|l| format!("{l}\n")).collect();
    let (document, _) = Document::from_toml(&untitled).unwrap();
    assert_eq!(document.title(), "wild fauna, warehouse of a car yard, Tudor, Mombasa, 2014-06-05");
    assert_eq!(document.summary(), format!("Ecomessage [en] KE/ENV/2014/0117: {}", document.title()));
    let (message, _) =
        Document::from_toml("form = \"message\"\nlanguage = \"en\"\ntext = \"\\nOne\\nTwo\"").unwrap();
    assert_eq!((message.title(), message.summary()), ("One".into(), "Message [en] One".into()));
}
