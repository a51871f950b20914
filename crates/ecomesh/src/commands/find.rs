//! `ecomesh find`, `ecomesh hit` and `ecomesh hits`: searching, and telling the sources of what was found.

use ecomesh_api::limits::RESULTS_MAX;
use ecomesh_api::{
    AsOfView, FindAnswer, FindRequest, FoundKind, FoundView, HitListing, HitRequest, HitView, NoticeStanding,
};
use ecomesh_document::codes::SearchPurpose;
use ecomesh_document::entry::Database;
use ecomesh_document::notice::Colour;

use crate::cli::Global;
use crate::client::Node;
use crate::commands::code_args::codes;
use crate::commands::db::database_arg;
use crate::commands::listing;
use crate::commands::notice::colour_arg;
use crate::exit::ExitCode;
use crate::output::{self, Cell, Table};
use crate::times;

/// What a node has is called old if its owner's node was not heard for so long.
const OLD_MS: u64 = 10 * 60 * 1000;

/// Search for a number, a name or words in all that this bureau may read.
///
/// Every search goes into the access log of this bureau. A number that stands in another country's entry is a hit: that
/// country is told who searched, when and why. A name is only a suggestion: look at the result, and report a hit with
/// `ecomesh hit`. What is found is a reason to ask its source, and no proof.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("searched").args(["number", "name", "text"]).required(true))]
#[command(after_help = "\
Exit code 1 means that nothing was found, as of the times that are told; 4, that nothing was found
yet, since the node has not read everything.

Examples:
  ecomesh find --number A1234567 --purpose border-control --officer \"N. 12\"
  ecomesh find --number KAA123X --database vehicle --purpose roadside-check --officer \"N. 12\" --place Namanga
  ecomesh find --name \"Gavrilov, Ivan\" --purpose investigation --officer \"N. 12\"
  ecomesh find --text \"pangolin scales\" --purpose investigation --officer \"N. 12\"
  ecomesh find --text scales --species pangolin --kind message --since 90d --purpose investigation --officer \"N. 12\"")]
pub struct Args {
    /// A number, exactly: of a document, a plate, a vehicle, a ship, a container, a serial number; or a reference, also of a
    /// notice
    #[arg(long, value_name = "NUMBER")]
    number: Option<String>,
    /// A name, however it is spelt, in any script
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Words of a text, or a "phrase": also in messages
    #[arg(long, value_name = "WORDS")]
    text: Option<String>,
    #[command(flatten)]
    why: Why,
    /// Only what this member wrote
    #[arg(long, value_name = "MEMBER")]
    source: Option<String>,
    /// Only entries of this database
    #[arg(long, value_name = "DATABASE", value_parser = database_arg(), hide_possible_values = true)]
    database: Option<&'static Database>,
    /// Only notices and diffusions of this colour
    #[arg(long, value_name = "COLOUR", value_parser = colour_arg(), hide_possible_values = true, conflicts_with = "database")]
    colour: Option<&'static Colour>,
    /// Only this kind
    #[arg(long, value_name = "KIND")]
    kind: Option<Kind>,
    /// Only what is dated then or later: a date, a time, or a span back from now (30d)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only what is dated before
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Only what names this species among its products, by its scientific or common name or as it was reported, or the
    /// beginning of that
    #[arg(long, value_name = "NAME")]
    species: Option<String>,
    /// How well a name must fit to be shown, in per cent
    #[arg(long, value_name = "PERCENT", requires = "name", value_parser = clap::value_parser!(u8).range(1..=100))]
    fits: Option<u8>,
    /// How many, the best: 10 if nothing is said, and of a number 100, the most that there are
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=RESULTS_MAX as i64))]
    limit: Option<u32>,
}

/// What is searched for.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Kind {
    Entry,
    Notice,
    Diffusion,
    Message,
}

impl From<Kind> for FoundKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Entry => Self::Entry,
            Kind::Notice => Self::Notice,
            Kind::Diffusion => Self::Diffusion,
            Kind::Message => Self::Message,
        }
    }
}

/// Who searches, and why.
#[derive(Debug, clap::Args)]
pub struct Why {
    /// Why it is searched
    #[arg(long, value_name = "PURPOSE", value_parser = codes::<SearchPurpose>())]
    pub purpose: String,
    /// Who searches: name or number of the officer
    #[arg(long, value_name = "OFFICER")]
    pub officer: String,
    /// Where
    #[arg(long, value_name = "PLACE")]
    pub place: Option<String>,
}

/// Tell the source of an entry, a notice or a diffusion that it was found: after a search by name, when an officer has looked at
/// the result.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
It is sealed to the source. Ask the source whether it still holds before anything is done.

Example:
  ecomesh hit 3f9a2c71d0 --query \"Gavrilov, Ivan\" --purpose investigation --officer \"N. 12\"")]
pub struct HitArgs {
    /// The entry, notice or diffusion: its id, or the first digits of it (6 at least)
    #[arg(value_name = "ID")]
    id: String,
    /// What was searched for
    #[arg(long, value_name = "TEXT")]
    query: String,
    #[command(flatten)]
    why: Why,
    /// What else there is to say
    #[arg(long, value_name = "TEXT")]
    remarks: Option<String>,
}

/// List hits on entries, notices and diffusions of this bureau, and those that it had on those of others, newest last.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  ecomesh hits --since 24h\n  ecomesh hits --limit 10 --json")]
pub struct HitsArgs {
    /// Only what came here since then: a date, a time, or a span back from now (2h, 7d)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// How many, the newest
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: Option<u32>,
}

/// Runs `ecomesh find`.
pub fn find(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let node = Node::of(global)?;
    let now_ms = times::now_ms();
    let request = FindRequest {
        number: args.number,
        name: args.name,
        text: args.text,
        purpose: args.why.purpose,
        officer: args.why.officer,
        place: args.why.place,
        source: args.source,
        database: args.database.map(|database| database.name.to_owned()),
        colour: args.colour.map(|colour| colour.name.to_owned()),
        kind: args.kind.map(FoundKind::from),
        since_ms: args.since.as_deref().map(|text| times::point(text, now_ms)).transpose()?,
        until_ms: args.until.as_deref().map(|text| times::point(text, now_ms)).transpose()?,
        species: args.species,
        fits: args.fits,
        limit: args.limit.map(|limit| limit as usize),
    };
    let answer = node.ask(node.api.find(&request))?;
    if global.json {
        output::json(&answer)?;
    } else if !answer.found.is_empty() {
        output::line(table(&answer.found).render().trim_end())?;
    }
    output::remark(global, &remark(&answer));
    warn(&answer.warnings);
    Ok(code(!answer.found.is_empty(), answer.unread))
}

/// Runs `ecomesh hit`.
pub fn hit(args: HitArgs, global: &Global) -> anyhow::Result<ExitCode> {
    let node = Node::of(global)?;
    let Why { purpose, officer, place } = args.why;
    let request = HitRequest { query: args.query, purpose, officer, place, remarks: args.remarks };
    let sent = node.ask(node.api.report_hit(&args.id, &request))?;
    output::either(global, &sent, |sent| sent.id.clone())?;
    output::remark(global, &format!("{} is told; ask it before anything is done", sent.to.join(", ")));
    Ok(ExitCode::Ok)
}

/// Runs `ecomesh hits`.
pub fn hits(args: HitsArgs, global: &Global) -> anyhow::Result<ExitCode> {
    let since_ms = args.since.as_deref().map(|text| times::point(text, times::now_ms())).transpose()?;
    let node = Node::of(global)?;
    let mut listing = wanted(node.ask(node.api.hits())?, since_ms, args.limit);
    listing.hits.reverse();
    if global.json {
        output::json(&listing)?;
        return Ok(ExitCode::Ok);
    }
    let HitListing { hits, older } = listing;
    if hits.is_empty() {
        output::remark(global, "none");
    } else {
        output::line(hits_table(&hits).render().trim_end())?;
    }
    if older > 0 {
        output::remark(global, &format!("{older} more, older ones, are not listed"));
    }
    Ok(ExitCode::Ok)
}

/// What is asked for of a listing, the newest first. What goes beyond the limit is older, and counted as such.
fn wanted(mut listing: HitListing, since_ms: Option<u64>, limit: Option<u32>) -> HitListing {
    listing.hits.retain(|hit| since_ms.is_none_or(|since_ms| hit.first_seen_ms >= since_ms));
    let beyond = limit.map_or(0, |limit| listing.hits.len().saturating_sub(limit as usize));
    listing.hits.truncate(listing.hits.len() - beyond);
    listing.older += beyond as u64;
    listing
}

fn table(found: &[FoundView]) -> Table {
    let mut table =
        Table::new(&["ID", "SOURCE", "WHAT", "FITS", "SUBJECT", "TOLD"]).whole(&["ID", "WHAT", "FITS"]);
    for one in found {
        table.row([
            Cell::from(listing::short_entry(&one.id)),
            one.source.clone().into(),
            Cell::mark(what(one), what_mark(one)),
            Cell::mark(format!("{} %", one.percent()), format!("{}%", one.percent())),
            if one.exercise { format!("EXERCISE {}", one.subject) } else { one.subject.clone() }.into(),
            if one.hit.is_some() { "yes".to_owned() } else { String::new() }.into(),
        ]);
    }
    table
}

/// What it is: never a notice before it is published.
pub fn what(found: &FoundView) -> String {
    let register = found.register.as_deref().unwrap_or_default();
    match (found.kind, found.standing) {
        (FoundKind::Entry, _) => format!("{register} entry"),
        (FoundKind::Notice, Some(NoticeStanding::Published)) => format!("{register} notice"),
        (FoundKind::Notice, _) => format!("{register} notice, only REQUESTED"),
        (FoundKind::Diffusion, Some(NoticeStanding::Published)) => format!("{register} diffusion, reviewed"),
        (FoundKind::Diffusion, _) => format!("{register} diffusion, NOT REVIEWED"),
        (FoundKind::Message, _) => "message".into(),
    }
}

/// [`what`] where there is little room.
fn what_mark(found: &FoundView) -> String {
    let register = found.register.as_deref().unwrap_or_default();
    let reviewed = found.standing == Some(NoticeStanding::Published);
    match found.kind {
        FoundKind::Notice if !reviewed => format!("{register}, REQUESTED"),
        FoundKind::Diffusion if !reviewed => format!("{register}, NOT REVIEWED"),
        FoundKind::Diffusion => format!("{register} diffusion"),
        _ => what(found),
    }
}

/// Nothing found while not everything was searched is no answer.
pub fn code(found: bool, unread: u64) -> ExitCode {
    match (found, unread) {
        (true, _) => ExitCode::Ok,
        (false, 0) => ExitCode::No,
        (false, _) => ExitCode::NoNode,
    }
}

/// That a source was not told is told whoever asked for no remarks, too.
pub fn warn(warnings: &[String]) {
    for warning in warnings {
        crate::exit::eprint_line(&format!("warning: {}", output::printable(warning)));
    }
}

/// How current the data are: nothing found means nothing as of then.
fn remark(answer: &FindAnswer) -> String {
    let mut lines = Vec::new();
    if answer.found.is_empty() {
        lines.push("nothing found".to_owned());
    } else {
        lines.push("what is found is a reason to ask its source, and no proof".to_owned());
    }
    if answer.more {
        lines.push(more(answer.found.len()));
    }
    lines.push(as_of(&answer.as_of, times::now_ms()));
    if answer.unread > 0 {
        let records = listing::counted(answer.unread, "record is", "records are");
        lines.push(format!("{records} here and not searched yet: search again"));
    }
    lines.join("\n")
}

/// That there are more results than these, and what to do.
fn more(shown: usize) -> String {
    let advice = if shown < RESULTS_MAX {
        format!("--limit shows more, up to {RESULTS_MAX}")
    } else {
        "narrow the search, with --source or --kind for instance".to_owned()
    };
    format!("there are MORE results than these {shown}, and nobody was told of these others: {advice}")
}

/// Whose data are old, and as of when all others are.
pub fn as_of(members: &[AsOfView], now_ms: u64) -> String {
    let oldest = members.iter().filter(|m| is_current(m, now_ms)).filter_map(|m| m.at_ms).min();
    let stale: Vec<String> = not_current(members, now_ms)
        .map(|m| {
            let when = m.at_ms.map_or_else(
                || "not heard since the start".into(),
                |at| format!("as of {}", times::show(at)),
            );
            let missing = if m.missing > 0 {
                format!(", {} missing", listing::counted(m.missing, "record", "records"))
            } else {
                String::new()
            };
            format!("{} ({when}{missing})", m.member)
        })
        .collect();
    let current = oldest.map_or_else(
        || "of no other country is it known how current its data are".to_owned(),
        |at| format!("as of {}", times::show(at)),
    );
    if stale.is_empty() { current } else { format!("{current}; NOT CURRENT: {}", stale.join(", ")) }
}

/// Members of which it is not known that what is here is all there is, as of some minutes ago.
pub fn not_current(members: &[AsOfView], now_ms: u64) -> impl Iterator<Item = &AsOfView> {
    members.iter().filter(move |m| !is_current(m, now_ms))
}

fn is_current(m: &AsOfView, now_ms: u64) -> bool {
    m.missing == 0 && m.at_ms.is_some_and(|at| now_ms.saturating_sub(at) <= OLD_MS)
}

/// What was found is named by its id, which other commands take: its reference, which is no such name, gives way.
fn hits_table(hits: &[HitView]) -> Table {
    let heads =
        ["FOUND", "BY", "SOURCE", "WHAT", "ID", "REFERENCE", "PURPOSE", "OFFICER", "SEARCHED FOR", "RECORD"];
    let mut table = Table::new(&heads).whole(&["ID"]).spare(&["FOUND", "REFERENCE", "RECORD"]);
    for hit in hits {
        table.row([
            hit.found_at.replacen('T', " ", 1),
            hit.searcher.clone(),
            hit.source.clone(),
            hit_kind(hit.kind).to_owned(),
            listing::short_entry(&hit.entry),
            hit.reference.clone().unwrap_or_default(),
            hit.purpose.clone(),
            hit.officer.clone(),
            if hit.exercise { format!("EXERCISE {}", hit.query) } else { hit.query.clone() },
            listing::short(&hit.id),
        ]);
        let said = [("place", &hit.place), ("remarks", &hit.remarks)];
        said.into_iter()
            .filter_map(|(what, text)| text.as_ref().map(|text| format!("{what}: {text}")))
            .for_each(|note| table.note(note));
    }
    table
}

fn hit_kind(kind: FoundKind) -> &'static str {
    match kind {
        FoundKind::Entry => "entry",
        FoundKind::Notice => "notice",
        FoundKind::Diffusion => "diffusion",
        FoundKind::Message => "message",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_and_is_not_reviewed_says_so_at_every_width() {
        let found = |kind, standing| FoundView {
            kind,
            id: "3f9a2c71d0".repeat(6),
            register: Some("orange".into()),
            source: "KE".into(),
            subject: "EXAMPLE, Ali Juma, of a family with a long name".into(),
            reference: None,
            standing: Some(standing),
            score: 1.0,
            exercise: false,
            hit: Some("id".into()),
        };
        let (waits, reviewed) = (NoticeStanding::Requested, NoticeStanding::Published);
        let rows = [
            (found(FoundKind::Notice, waits), true),
            (found(FoundKind::Notice, reviewed), false),
            (found(FoundKind::Diffusion, waits), true),
            (found(FoundKind::Diffusion, reviewed), false),
        ];
        let views: Vec<FoundView> = rows.iter().map(|(view, _)| view.clone()).collect();
        for columns in [60, 80, 120, usize::MAX] {
            let text = table(&views).render_in(columns);
            for (line, (_, is_marked)) in text.lines().skip(1).zip(&rows) {
                let marked = line.contains("REQUESTED") || line.contains("NOT REVIEWED");
                assert_eq!(marked, *is_marked, "{columns}: {line}");
                assert!(
                    line.ends_with("yes")
                        && line.contains("100")
                        && (columns == usize::MAX || line.chars().count() <= columns),
                    "{line}"
                );
            }
        }
    }

    #[test]
    fn the_id_of_what_was_found_is_never_cut() {
        let hit = |reference: Option<&str>| HitView {
            id: "0d".repeat(32),
            searcher: "IPSG".into(),
            source: "KE".into(),
            kind: FoundKind::Diffusion,
            entry: format!("{}.1234", "3f9a2c71d0".repeat(6)),
            reference: reference.map(str::to_owned),
            found_at: "2026-11-28T12:47:08Z".into(),
            purpose: "border-control".into(),
            officer: "An officer with a long name".into(),
            place: Some("Namanga".into()),
            query: "L898902C3 or another number that is long".into(),
            remarks: Some(
                "the holder waits at the desk until noon, and a colleague reads this to the end".into(),
            ),
            exercise: true,
            first_seen_ms: 0,
        };
        let table = hits_table(&[hit(None), hit(Some("KE/SLTD/2026/000041 of the police of Nairobi"))]);
        for columns in [60, 80, 120, usize::MAX] {
            let text = table.render_in(columns);
            assert_eq!(text.matches("3f9a2c71d0.1234").count(), 2, "{columns}: {text}");
            let mut rows = text.lines().filter(|line| !line.starts_with("  "));
            assert!(columns < 80 || rows.all(|line| line.chars().count() <= columns), "{columns}: {text}");
            assert_eq!(text.matches("\n  place: Namanga\n  remarks: the holder").count(), 2, "{text}");
            assert_eq!(text.matches("reads this to the end\n").count(), 2, "{text}");
        }
        let wide = table.render_in(usize::MAX);
        assert!(wide.contains("2026-11-28 12:47:08Z  IPSG") && wide.contains("  0d0d0d0d0d\n"), "{wide}");
    }

    #[test]
    fn hits_are_listed_from_a_time_on_and_up_to_a_number() {
        let hit = |first_seen_ms| HitView {
            id: "0d".repeat(32),
            searcher: "TZ".into(),
            source: "KE".into(),
            kind: FoundKind::Entry,
            entry: "3f".repeat(32),
            reference: None,
            found_at: "2026-11-28T12:47:08Z".into(),
            purpose: "border-control".into(),
            officer: "N7".into(),
            place: None,
            query: "L898902C3".into(),
            remarks: None,
            exercise: false,
            first_seen_ms,
        };
        let listing = || HitListing { hits: [40, 30, 20, 10].map(hit).into(), older: 7 };
        let seen = |since_ms, limit| {
            let HitListing { hits, older } = wanted(listing(), since_ms, limit);
            (hits.iter().map(|hit| hit.first_seen_ms).collect::<Vec<_>>(), older)
        };
        assert_eq!(seen(None, None), (vec![40, 30, 20, 10], 7));
        assert_eq!(seen(Some(20), None), (vec![40, 30, 20], 7));
        assert_eq!(seen(Some(20), Some(2)), (vec![40, 30], 8));
    }

    #[test]
    fn that_there_is_more_is_said_with_what_to_do() {
        assert!(more(10).contains("--limit") && more(10).contains("these 10"), "{}", more(10));
        assert!(more(100).contains("--source") && !more(100).contains("--limit"), "{}", more(100));
    }

    #[test]
    fn a_miss_from_old_data_says_so() {
        let member = |member: &str, at_ms, missing| AsOfView { member: member.into(), at_ms, missing };
        let now = 1_800_000_000_000;
        let current = as_of(&[member("KE", Some(now - 1000), 0), member("TZ", Some(now), 0)], now);
        assert_eq!(current, format!("as of {}", times::show(now - 1000)));
        let old = as_of(
            &[
                member("KE", Some(now), 0),
                member("TZ", Some(now - OLD_MS - 1), 0),
                member("UG", Some(now), 7),
                member("FR", None, 0),
            ],
            now,
        );
        assert!(old.contains("NOT CURRENT: TZ (as of "), "{old}");
        assert!(
            old.contains("UG (as of ")
                && old.contains("7 records missing")
                && old.contains("FR (not heard since the start)"),
            "{old}"
        );
        assert!(as_of(&[], now).starts_with("of no other country"));
    }
}
