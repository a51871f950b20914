//! What `inbox` and `outbox` share: reading pages until enough is there, newest last.

use ecomesh_api::{
    Client, ClientError, DocumentKind, Listing, ListingQuery, MessageView, NoticeStanding, Priority,
    RecordState,
};

use crate::cli::Global;
use crate::exit::{ExitCode, Failure};
use crate::output;

/// Options of both listings.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Only since then: a date (2026-03-01), a time (2026-03-01T08:00:00Z) or a span back from now (2h, 7d)
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// How many, the newest
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub limit: u32,
    /// Also what is void, disputed, early or expired, marked as such
    #[arg(long)]
    pub all: bool,
}

impl Options {
    /// The query of the first page.
    pub fn query(&self, member: Option<String>) -> anyhow::Result<ListingQuery> {
        let since_ms = self
            .since
            .as_deref()
            .map(|text| crate::times::point(text, crate::times::now_ms()))
            .transpose()?;
        Ok(ListingQuery { member, since_ms, limit: None, cursor: None, all: self.all.then_some(true) })
    }
}

/// Which of the two listings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// What others sent.
    Inbox,
    /// What this bureau sent.
    Outbox,
}

/// What was read of a listing.
pub struct Rows<T, L> {
    /// The rows, oldest first, as they are shown.
    pub rows: Vec<T>,
    /// Where older ones begin that were not read, if there are any.
    pub next: Option<String>,
    /// What else the last page says.
    pub listing: L,
}

/// A page of a listing.
pub struct Page<T, L> {
    /// Its rows, the newest first.
    pub rows: Vec<T>,
    /// The cursor of the next one.
    pub next: Option<String>,
    /// What else the listing says.
    pub listing: L,
}

/// Reads pages until `limit` rows are there or no more exist. `page` reads one of at most so many rows, from a cursor on.
pub async fn pages<T, L>(
    limit: usize,
    mut page: impl AsyncFnMut(usize, Option<String>) -> Result<Page<T, L>, ClientError>,
) -> Result<Rows<T, L>, ClientError> {
    let mut rows = Vec::new();
    let mut cursor = None;
    loop {
        let wanted = (limit - rows.len()).clamp(1, ecomesh_api::limits::LISTING_MAX);
        let Page { rows: some, next, listing } = page(wanted, cursor).await?;
        rows.extend(some);
        if next.is_none() || rows.len() >= limit {
            rows.reverse();
            return Ok(Rows { rows, next, listing });
        }
        cursor = next;
    }
}

/// Says that older ones are not shown.
pub fn remark_older(global: &Global, next: Option<&str>) {
    if next.is_some() {
        output::remark(global, "there are older ones, which are not shown; --limit shows more");
    }
}

/// Says that an answer may miss something.
pub fn remark_unread(global: &Global, unread: u64) {
    if unread > 0 {
        let records = counted(unread, "record is", "records are");
        output::remark(global, &format!("{records} here and not taken into account yet"));
    }
}

/// Reads messages, the newest `limit`; oldest first.
pub async fn read(
    api: &Client,
    which: Which,
    query: ListingQuery,
    limit: usize,
) -> Result<Listing, ClientError> {
    let reading = pages(limit, async |limit, cursor| {
        let query = ListingQuery { limit: Some(limit), cursor, ..query.clone() };
        let Listing { messages, next } = match which {
            Which::Inbox => api.inbox(&query).await?,
            Which::Outbox => api.outbox(&query).await?,
        };
        Ok(Page { rows: messages, next, listing: () })
    });
    let Rows { rows, next, .. } = reading.await?;
    Ok(Listing { messages: rows, next })
}

/// Prints the messages as JSON (`{"messages": […], "next": …}`, newest last; `next` is null if there are no older ones) or as
/// the given table.
pub fn print(
    global: &Global,
    listing: &Listing,
    table: impl Fn(&[MessageView]) -> output::Table,
) -> anyhow::Result<()> {
    if global.json {
        return output::json(listing);
    }
    let table = table(&listing.messages);
    if table.is_empty() {
        output::remark(global, "nothing yet");
        return Ok(());
    }
    output::line(table.render().trim_end())?;
    remark_older(global, listing.next.as_deref());
    Ok(())
}

/// What a message is about, with what a reader must know first.
pub fn subject(message: &MessageView) -> String {
    let mut parts = Vec::new();
    if message.exercise {
        parts.push(String::from("EXERCISE"));
    }
    match message.state {
        RecordState::Valid => {}
        RecordState::Void => parts.push(String::from("[void]")),
        RecordState::Disputed => parts.push(String::from("[disputed]")),
        RecordState::Early => parts.push(String::from("[early]")),
        RecordState::Expired => parts.push(String::from("[expired]")),
        RecordState::Erased => parts.push(String::from("[erased]")),
    }
    if matches!(message.state, RecordState::Expired | RecordState::Erased) {
        return parts.join(" ");
    }
    if let Some(standing) = standing_mark(message) {
        parts.push(format!("[{standing}]"));
    }
    let missing = if message.body_here { "(no subject)" } else { "(body not here yet)" };
    parts.push(message.subject.clone().unwrap_or_else(|| missing.to_owned()));
    parts.join(" ")
}

/// That nobody acts upon a notice or a diffusion, in a word: nothing of one that is published.
pub fn standing_mark(message: &MessageView) -> Option<&'static str> {
    let is_diffusion = message.kind == DocumentKind::Diffusion;
    match message.standing {
        Some(NoticeStanding::Refused) if is_diffusion => Some("NOT COMPLIANT"),
        Some(standing) => not_to_be_acted_upon(standing),
        // It is a text of one that is not here, or the node has not read it yet.
        None if is_diffusion || message.kind == DocumentKind::Notice => Some("standing unknown"),
        None => None,
    }
}

fn not_to_be_acted_upon(standing: NoticeStanding) -> Option<&'static str> {
    match standing {
        NoticeStanding::Requested | NoticeStanding::Returned => Some("not reviewed"),
        NoticeStanding::Published => None,
        NoticeStanding::Refused => Some("REFUSED"),
        NoticeStanding::Suspended => Some("SUSPENDED"),
        NoticeStanding::Cancelled => Some("CANCELLED"),
        NoticeStanding::Withdrawn => Some("WITHDRAWN"),
        NoticeStanding::Expired => Some("expired"),
        NoticeStanding::Replaced => Some("REPLACED by another text"),
        NoticeStanding::Void => Some("void"),
    }
}

/// The priority in a word.
pub fn priority(priority: Priority) -> String {
    String::from(match priority {
        Priority::Flash => "FLASH",
        Priority::Urgent => "urgent",
        Priority::Routine => "routine",
    })
}

/// For whom a record is, in a word: the members' letters, or all.
pub fn addressees(to: &[String]) -> String {
    if to.is_empty() { String::from("all") } else { to.join(",") }
}

/// How many there are of something.
pub fn counted(count: u64, one: &str, several: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}

/// The name of an entry, shortened: the line of a batch stays.
pub fn short_entry(name: &str) -> String {
    match name.split_once('.') {
        Some((id, line)) => format!("{}.{line}", short(id)),
        None => short(name),
    }
}

/// Refuses the name of a line of a batch where a whole record is meant. `why` is what such a line cannot, `then` what follows
/// its withdrawal.
pub fn refuse_line(name: &str, why: &str, then: &str) -> Result<(), Failure> {
    if !name.contains('.') {
        return Ok(());
    }
    let help = format!("withdraw the line: ecomesh db withdraw {name} --reason REASON{then}");
    Err(Failure::new(ExitCode::Refused, format!("{name} is a line of a batch, which {why}")).help(help))
}

/// The first digits of an id, enough to name it in another command.
pub fn short(id: &str) -> String {
    id.chars().take(10).collect()
}
