//! Requests for notices: what a whole one is, and that a poor one is told every item that it lacks, each with its rule.

use std::collections::BTreeSet;

use ecomesh_document::notice::{Notice, check, colour, rules};
use ecomesh_document::report::{Problem, Report, Severity};

/// A whole request of each colour.
const SAMPLES: [(&str, &str); 9] = [
    ("red", include_str!("../../../node-config/demo/notices/red.toml")),
    ("yellow", include_str!("../../../node-config/demo/notices/yellow.toml")),
    ("blue", include_str!("../../../node-config/demo/notices/blue.toml")),
    ("black", include_str!("../../../node-config/demo/notices/black.toml")),
    ("green", include_str!("../../../node-config/demo/notices/green.toml")),
    ("orange", include_str!("../../../node-config/demo/notices/orange.toml")),
    ("purple", include_str!("../../../node-config/demo/notices/purple.toml")),
    ("silver", include_str!("../../../node-config/demo/notices/silver.toml")),
    ("un", include_str!("../../../node-config/demo/notices/un.toml")),
];

fn sample(colour: &str) -> &'static str {
    SAMPLES.iter().find(|(name, _)| *name == colour).expect("a sample of each colour").1
}

/// The report on the sample of a colour, in which one piece was replaced.
#[track_caller]
fn report_with(colour: &str, from: &str, to: &str) -> Report {
    assert!(sample(colour).contains(from), "{from}");
    check(&sample(colour).replacen(from, to, 1))
}

/// The single problem of it.
#[track_caller]
fn problem_with(colour: &str, from: &str, to: &str) -> Problem {
    let report = report_with(colour, from, to);
    assert_eq!(report.problems().len(), 1, "{report}");
    report.problems()[0].clone()
}

/// Severity and rule of the single problem.
#[track_caller]
fn verdict(colour: &str, from: &str, to: &str) -> (Severity, &'static str) {
    let problem = problem_with(colour, from, to);
    (problem.severity, problem.rule.map_or("", |rule| rule.id))
}

/// Path and rule of every error.
fn asked(report: &Report) -> Vec<(&str, &'static str)> {
    report.errors().map(|p| (p.path.as_str(), p.rule.map_or("", |rule| rule.id))).collect()
}

#[test]
fn a_whole_request_of_each_colour_has_no_problem_and_survives_all_forms() {
    assert_eq!(colour::ALL.iter().map(|c| c.name).collect::<Vec<_>>(), SAMPLES.map(|(name, _)| name));
    for (name, text) in SAMPLES {
        let (notice, report) = Notice::from_toml(text).unwrap_or_else(|report| panic!("{name}:\n{report}"));
        assert_eq!(report.problems(), [], "{name}");
        assert_eq!(notice.colour().name, name);
        assert_eq!(Notice::from_toml(&notice.to_toml()).unwrap().0, notice, "{name}");
        assert_eq!(Notice::from_json(&notice.to_json()).unwrap().0, notice, "{name}");
        assert_eq!(Notice::carried(&notice.to_json()).as_ref(), Ok(&notice), "{name}");
        assert!(notice.check().is_ok(), "{name}");
    }
}

#[test]
fn a_red_notice_of_nothing_is_told_every_item_with_its_rule() {
    let report = check("form = \"red-notice\"\n");
    let asked = asked(&report);
    let expected = [
        ("request", "entry.source"),
        ("request.reference", "entry.source"),
        ("request.language", "entry.language"),
        ("request.article_3", "article-3"),
        ("person", "red.identity"),
        ("person.status", "person.status"),
        ("person.family_name", "red.identity"),
        ("person.given_names", "red.identity"),
        ("person.sex", "red.identity"),
        ("person.birth_date", "red.identity"),
        ("person.description", "red.identity"),
        ("judicial", "red.facts"),
        ("judicial.facts", "red.facts"),
        ("judicial.facts_date", "red.facts"),
        ("judicial.facts_place", "red.facts"),
        ("judicial.facts_place.text", "red.facts"),
        ("judicial.interest", "red.offence"),
        ("judicial.charges", "red.charges"),
        ("judicial.charges.charge", "red.charges"),
        ("judicial.charges.law", "red.charges"),
        ("judicial.wanted_for", "red.penalty"),
        ("judicial.maximum_penalty_months", "red.penalty"),
        ("judicial.warrants", "red.warrant"),
        ("judicial.warrants.kind", "red.warrant"),
        ("judicial.warrants.reference", "red.warrant"),
        ("judicial.warrants.date", "red.warrant"),
        ("judicial.warrants.authority", "red.warrant"),
        ("judicial.warrants.country", "red.warrant"),
        ("assurances", "red.assurances"),
        ("assurances.extradition_sought", "red.assurances"),
        ("assurances.conforms_to_law", "red.assurances"),
    ];
    assert_eq!(asked.iter().collect::<BTreeSet<_>>(), expected.iter().collect(), "{report}");
    assert_eq!(asked.len(), expected.len(), "nothing is told twice:\n{report}");
    let text = report.to_string();
    assert!(text.contains("judicial.warrants: a required table is missing [red.warrant]; fill in"), "{text}");
    let rule = "\n  red.warrant: the reference of a valid arrest warrant or equivalent decision, with a copy if possible (minimum data of a Red Notice, RPD; unverified)\n";
    assert_eq!(text.matches(rule).count(), 1, "a rule is told once:\n{text}");
}

#[test]
fn a_notice_of_nothing_is_told_rules_in_every_colour() {
    for colour in colour::ALL {
        let report = check(&format!("form = \"{}\"\n", colour.form));
        assert!(asked(&report).contains(&("request.article_3", "article-3")), "{}:\n{report}", colour.name);
        assert!(report.errors().count() > 4, "{}:\n{report}", colour.name);
        for problem in report.errors() {
            assert!(problem.rule.is_some(), "{}: {problem}", colour.name);
            assert!(!problem.advice.is_empty(), "{problem}");
        }
    }
}

/// Without one item of a whole request, that item is asked for.
#[test]
fn each_item_that_is_taken_out_is_named() {
    for (colour, line, path, rule) in [
        ("red", "article_3 = \"conforms\"\n", "request.article_3", "article-3"),
        ("red", "status = \"charged\"\n", "person.status", "person.status"),
        (
            "red",
            "interest = \"The ivory was bound for Asia by way of two other countries.\"\n",
            "judicial.interest",
            "red.offence",
        ),
        (
            "red",
            "facts_place = { text = \"Mombasa\", country = \"KE\" }\n",
            "judicial.facts_place.text",
            "red.facts",
        ),
        ("red", "maximum_penalty_months = 240\n", "judicial.maximum_penalty_months", "red.penalty"),
        (
            "red",
            "law = \"Wildlife Conservation and Management Act, 2013\"\n",
            "judicial.charges[1].law",
            "red.charges",
        ),
        ("red", "reference = \"CR 1234/2014\"\n", "judicial.warrants[1].reference", "red.warrant"),
        ("red", "conforms_to_law = \"given\"\n", "assurances.conforms_to_law", "red.assurances"),
        ("yellow", "law_permits = \"given\"\n", "law_permits", "yellow.law"),
        ("yellow", "age_group = \"minor\"\n", "disappearance.age_group", "yellow.minor"),
        (
            "yellow",
            "parents = { mother_family_name = \"EXEMPLE\", mother_given_names = \"Claire\" }\n",
            "person.parents",
            "yellow.minor",
        ),
        (
            "yellow",
            "reported_to = \"Commissariat, dossier 2026/1\"\n",
            "disappearance.reported_to",
            "yellow.reported",
        ),
        (
            "yellow",
            "place = { text = \"Lyon\", country = \"FR\" }\n",
            "disappearance.place",
            "yellow.disappearance",
        ),
        ("blue", "asked = [\"locate\", \"criminal-history\"]\n", "asked", "blue.asked"),
        ("blue", "aliases = [\"The Broker\"]\n", "person", "blue.identity"),
        ("black", "found_date = \"2026-05-01\"\n", "body.found_date", "black.found"),
        (
            "black",
            "dental_chart = \"Gold crown on the first upper molar on the right.\"\n",
            "body.description",
            "black.description",
        ),
        (
            "green",
            "authority = \"Ministry of Public Security\"\n",
            "assessment.authority",
            "green.assessment",
        ),
        (
            "green",
            "convictions = [{ offence = \"Smuggling of ivory\", crimes = [\"wildlife\"], date = \"2015\", country = \"CN\" }]\n",
            "assessment.convictions",
            "green.grounds",
        ),
        ("orange", "time = \"2026-11/2026-12\"\n", "threat.time", "orange.where-when"),
        ("orange", "object = \"Grey cylinders of 13.6 kg\"\n", "threat.target", "orange.target"),
        ("purple", "investigation = \"open\"\n", "investigation", "purple.investigation"),
        (
            "purple",
            "vessel = { name = \"Thunder\", imo = \"6905408\", flag = \"NG\" }\n",
            "methods[1].vessel",
            "purple.method",
        ),
        (
            "silver",
            "finance = \"Proceeds of about EUR 2 million were laundered through two companies.\"\n",
            "finance",
            "silver.finance",
        ),
        ("silver", "[[entities]]\nname = \"Esempio S.r.l.\"\ncountry = \"IT\"\n", "person", "silver.person"),
        ("un", "resolution = \"1267 (1999)\"\n", "listing.resolution", "un.resolution"),
        ("un", "measures = [\"asset-freeze\", \"arms-embargo\"]\n", "listing.measures", "un.measures"),
        (
            "un",
            "[entity]\nname = \"Example Foundation\"\naliases = [\"Foundation for Examples\"]\n",
            "person",
            "un.subject",
        ),
    ] {
        let report = report_with(colour, line, "");
        let named = asked(&report);
        assert!(named.contains(&(path, rule)), "{colour} without {line}:\n{report}");
    }
}

#[test]
fn the_identity_of_a_wanted_person_has_two_ways() {
    let without = |lines: &[&str]| {
        let mut text = sample("red").to_owned();
        for line in lines {
            let whole =
                text.lines().find(|l| l.starts_with(line)).unwrap_or_else(|| panic!("{line}")).to_owned();
            text = text.replace(&format!("{whole}\n"), "");
        }
        check(&text)
    };
    // A photograph and further data do without names.
    assert!(without(&["family_name", "sex", "birth_date"]).is_ok());
    // Names and a particular do without a photograph.
    assert!(without(&["photographs"]).is_ok());
    // Neither is whole: every item of the first is named.
    let report = without(&["photographs", "family_name", "sex", "description"]);
    assert_eq!(
        asked(&report),
        [
            ("person.family_name", "red.identity"),
            ("person.sex", "red.identity"),
            ("person.description", "red.identity")
        ],
        "{report}"
    );
    assert!(report.to_string().contains("or add a good photograph"), "{report}");
    // A photograph alone is not enough, and what is unknown says nothing.
    let alone = without(&["description", "original_names", "given_names", "birth_date"]);
    assert!(alone.to_string().contains("beside the photograph"), "{alone}");
    let unknown = sample("red").replace("sex = \"male\"", "sex = \"unknown\"").replace("photographs", "#");
    assert_eq!(asked(&check(&unknown)), [("person.sex", "red.identity")]);
}

#[test]
fn penalties_below_the_threshold_need_an_exception() {
    let penalty = |to| problem_with("red", "maximum_penalty_months = 240", to);
    let low = penalty("maximum_penalty_months = 23");
    assert_eq!((low.severity, low.rule.map(|r| r.id)), (Severity::Error, Some("red.threshold")));
    assert_eq!(low.message, "a maximum penalty of 23 months is below the threshold of 24");
    assert_eq!(penalty("maximum_penalty_months = 23\nexception = \"x\"").severity, Severity::Warning);
    for good in ["maximum_penalty_months = 24", "penalty_kind = \"life\""] {
        assert!(report_with("red", "maximum_penalty_months = 240", good).problems().is_empty(), "{good}");
    }
    let sentence = |months: &str| {
        let to = format!("wanted_for = \"sentence\"\n{months}");
        report_with("red", "wanted_for = \"prosecution\"", &to)
    };
    assert!(sentence("sentence_months = 6").problems().is_empty());
    assert!(sentence("remaining_months = 6").problems().is_empty());
    assert_eq!(asked(&sentence("sentence_months = 5")), [("judicial.sentence_months", "red.threshold")]);
    assert_eq!(asked(&sentence("")), [("judicial.sentence_months", "red.penalty")]);
    assert_eq!(verdict("silver", "= 120", "= 47"), (Severity::Error, "silver.offence"));
}

#[test]
fn what_is_no_matter_for_a_notice_is_refused() {
    let declared = verdict("red", "article_3 = \"conforms\"", "article_3 = \"in-doubt\"");
    assert_eq!(declared, (Severity::Error, "article-3"));
    for (crimes, refused) in [
        ("\"norms\"", true),
        ("\"family-private\", \"organised-crime\"", true),
        ("\"private-dispute\"", true),
        ("\"administrative\", \"organised-crime\"", false),
    ] {
        let report = report_with("red", "\"wildlife\", \"organised-crime\"", crimes);
        assert_eq!(!report.is_ok(), refused, "{crimes}: {report}");
        assert!(report.errors().all(|p| p.rule == Some(&rules::RED_EXCLUDED)), "{report}");
    }
    let refugee = verdict("red", "cautions", "refugee_from = [\"KE\"]\ncautions");
    assert_eq!(refugee, (Severity::Error, "refugee"));
    assert_eq!(verdict("red", "\"given\"", "\"not-given\""), (Severity::Error, "red.assurances"));
    assert_eq!(verdict("yellow", "\"given\"", "\"not-given\""), (Severity::Error, "yellow.law"));
    assert_eq!(verdict("blue", "\"suspect\"", "\"missing\""), (Severity::Error, "blue.status"));
}

#[test]
fn each_colour_is_asked_for_by_some_and_shown_to_some() {
    // It can be sent as a diffusion all the same; the life cycle refuses the request.
    assert_eq!(verdict("un", "language", "from = \"KE\"\nlanguage"), (Severity::Warning, "requester"));
    assert_eq!(verdict("red", "from = \"KE\"", "from = \"IPSG\""), (Severity::Warning, "requester"));
    assert!(report_with("red", "from = \"KE\"", "from = \"ICC\"").is_ok());
    // Of an entity whose code says nothing the roster knows more.
    assert!(report_with("red", "from = \"KE\"", "from = \"IRMCT\"").is_ok());
    let shown = |colour, answer: &str| {
        let to = format!("public_extract = \"{answer}\"\nlanguage");
        report_with(colour, "language", &to).errors().next().and_then(|p| p.rule).map(|rule| rule.id)
    };
    assert_eq!((shown("silver", "yes"), shown("silver", "no")), (Some("public-extract"), None));
    assert_eq!((shown("un", "yes"), shown("un", "no")), (None, Some("public-extract")));
    assert_eq!((shown("red", "yes"), shown("red", "no")), (None, None));
}

#[test]
fn unknown_codes_of_open_lists_are_warnings_with_a_guess() {
    for (from, to, advice) in [
        ("\"KE\", \"TZ\"", "\"Kenya\", \"TZ\"", "did you mean \"KE\" (Kenya)?"),
        ("\"KE\", \"TZ\"", "\"914\"", "choose one of its 269 codes"),
        ("\"SWA\", \"ENG\"", "\"DEU\"", "did you mean \"GER\" (German)?"),
        ("\"SWA\", \"ENG\"", "\"sw\"", "did you mean \"SWA\" (Swahili)?"),
        ("\"wildlife\", ", "\"wildlive\", ", "did you mean \"wildlife\""),
    ] {
        let problem = problem_with("red", from, to);
        assert_eq!(problem.severity, Severity::Warning, "{problem}");
        assert!(problem.advice.starts_with(advice), "{problem}");
    }
    // What is no code at all is an error, as everywhere, and so is a wrong code of a closed list.
    assert_eq!(problem_with("red", "\"KE\", \"TZ\"", "\"Kenya and Tanzania\"").severity, Severity::Error);
    assert_eq!(problem_with("red", "sex = \"male\"", "sex = \"M\"").severity, Severity::Error);
}

#[test]
fn births_may_be_vague_and_slips_of_units_are_told() {
    for birth in ["1974", "1974-05", "1974-05-11", "1970/1975~"] {
        let report = report_with("red", "birth_date = \"1974\"", &format!("birth_date = \"{birth}\""));
        assert!(report.problems().is_empty(), "{birth}: {report}");
    }
    assert_eq!(problem_with("red", "height_cm = 178", "height_cm = 17").path, "person.description.height_cm");
    let adult = verdict("yellow", "birth_date = \"2015-03\"", "birth_date = \"1990\"");
    assert_eq!(adult, (Severity::Warning, "yellow.minor"));
    let minor = report_with("yellow", "age_group = \"minor\"", "age_group = \"adult\"");
    let told: Vec<_> = minor.problems().iter().map(|p| p.message.as_str()).collect();
    assert!(told.contains(&"by the dates the person was 10 to 11 years old"), "{minor}");
    assert_eq!(problem_with("black", "age_from = 30", "age_from = 46").path, "body.age_to");
    assert_eq!(verdict("un", "QDe.999", "QDi.999"), (Severity::Warning, "un.subject"));
    assert_eq!(problem_with("un", "QDe.999", "Q999").severity, Severity::Warning);
}

#[test]
fn who_cannot_say_who_he_is_was_reported_by_nobody_and_names_no_parents() {
    let text: String = sample("yellow")
        .replace("\"missing\"", "\"cannot-identify\"")
        .lines()
        .filter(|line| {
            !["parents", "reported", "family_name", "given_names"].iter().any(|key| line.starts_with(key))
        })
        .map(|line| format!("{line}\n"))
        .collect();
    let report = check(&text);
    assert_eq!(asked(&report), [("person", "yellow.identity")], "{report}");
    let seen = text.replace("sex = ", "photographs = [{ name = \"face.jpg\" }]\nsex = ");
    assert!(check(&seen).problems().is_empty(), "{}", check(&seen));
}

#[test]
fn an_entry_of_the_united_nations_is_about_one_subject() {
    let both = report_with("un", "[entity]", "[person]\nstatus = \"sanctioned\"\n\n[entity]");
    assert_eq!(asked(&both), [("entity", "un.subject")], "{both}");
}

#[test]
fn a_form_of_no_colour_is_told_the_colours() {
    for text in ["", "form = \"white-notice\"\n", "form = 7\n", "form = \"ecomessage\"\n"] {
        let report = check(text);
        assert_eq!(report.problems().len(), 1, "{report}");
        assert!(report.problems()[0].advice.contains("\"red-notice\", \"yellow-notice\""), "{report}");
    }
    let broken = check("form = \"red-notice\"\nrequest == 1\n");
    assert!(broken.problems()[0].message.starts_with("this is no TOML"), "{broken}");
}

#[test]
fn a_notice_is_a_document_and_checked_as_its_form_is() {
    for (name, text) in SAMPLES {
        let (as_document, as_notice) = (ecomesh_document::check(text), check(text));
        assert_eq!(as_document.to_string(), as_notice.to_string(), "{name}");
        let (document, _) = ecomesh_document::Document::from_toml(text).unwrap();
        assert_eq!(document.kind().number, 259, "{name}");
        let bytes = document.encode().unwrap();
        assert_eq!(ecomesh_document::Document::decode(259, &bytes).as_ref(), Ok(&document), "{name}");
        // A diffusion has the same form under another number.
        let diffusion = document.clone().into_diffusion();
        assert_eq!((diffusion.kind().number, diffusion.encode().unwrap()), (260, bytes.clone()), "{name}");
        assert_eq!(ecomesh_document::Document::decode(260, &bytes).as_ref(), Ok(&diffusion), "{name}");
        assert!(ecomesh_document::Document::decode(262, &bytes).is_err(), "{name}");
        let title = document.title();
        let article = if title.contains("Orange") || title.contains("INTERPOL") { "an" } else { "a" };
        assert!(title.starts_with(&format!("Request for {article} ")), "{title}");
    }
}

#[test]
fn what_a_rule_asks_for_may_be_missing_in_what_is_carried() {
    let json = serde_json::json!({ "form": "red-notice", "person": { "family_name": "X" } });
    let notice = Notice::carried(&json).unwrap();
    assert!(!notice.check().is_ok());
    assert_eq!(notice.to_json(), json);
    let newer = serde_json::json!({ "form": "red-notice", "person": { "status": "pursued" } });
    assert!(Notice::carried(&newer).unwrap().render().contains("pursued (code not known here)"));
    let foreign = serde_json::json!({ "form": "red-notice", "person": { "name": "X" } });
    assert!(Notice::carried(&foreign).is_err());
}

#[test]
fn a_notice_is_printed_with_labels_and_meanings() {
    let printed = Notice::from_toml(sample("red")).unwrap().0.render();
    for line in [
        "RED NOTICE",
        "REQUEST",
        "  Article 3:             the matter has no political, military, religious or racial character",
        "PERSON",
        "  Born:                  1974",
        "  Nationality:           KE (Kenya); TZ (Tanzania)",
        "  Language spoken:       SWA (Swahili); ENG (English)",
        "    Name:                  \u{2068}علي جمعة\u{2069}",
        "    Issued by:             Chief Magistrate's Court",
    ] {
        assert!(printed.lines().any(|l| l == line), "{line}\n---\n{printed}");
    }
    assert!(!printed.contains("Alias"));
}

#[test]
fn a_name_of_blanks_is_missing_by_the_rule_and_said_once() {
    for (colour, rule) in [("red", "red.identity"), ("green", "green.identity")] {
        let name = sample(colour).lines().find(|line| line.starts_with("family_name")).expect("a name");
        let problem = problem_with(colour, name, "family_name = \"   \"");
        assert_eq!((problem.severity, problem.path.as_str()), (Severity::Error, "person.family_name"));
        assert_eq!(problem.rule.map(|rule| rule.id), Some(rule), "{}", problem.message);
        assert!(problem.line.is_some() && problem.message.contains("the family name"), "{}", problem.message);
    }
}

#[test]
fn each_sample_can_be_sent_by_a_member_of_the_demo() {
    let members = ["CN", "FR", "KE", "TH", "TZ"];
    for (name, text) in SAMPLES {
        let (notice, _) = Notice::from_toml(text).unwrap();
        let from = notice.request().and_then(|request| request.from.as_ref());
        assert!(from.is_none_or(|from| members.contains(&from.as_str())), "{name}: {from:?}");
    }
}
