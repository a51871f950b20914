//! `ecomesh import csv`: rows of a list as forms, by a mapping, and into the databases.

use std::path::{Path, PathBuf};

use ecomesh_document::limits::PUBLIC_LIST_BYTES_MAX;
use ecomesh_document::mapping::{Input, Mapped, Mapping, PublicList, Rejected};

use crate::cli::Global;
use crate::commands::import::mappings::{load, unfit};
use crate::commands::import::sender::Sender;
use crate::commands::import::sink::{Accepted, Databases, Folder, Nowhere, Sink};
use crate::commands::import::tally::{Entered, Place, Tally};
use crate::commands::listing;
use crate::commands::rows::Rows;
use crate::exit::{ExitCode, Failure};
use crate::{files, output, times};

/// Make forms of the rows of a CSV file, by a mapping that says what its columns mean.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ecomesh import csv --mapping vehicles list.csv --dry-run       what becomes of each row
  ecomesh import csv --mapping vehicles list.csv                 enter the accepted ones
  ecomesh import csv --mapping mine.toml list.csv --out forms    the accepted forms, as files
  ecomesh import csv --mapping public-notices list.json --dry-run

Nothing is guessed and nothing is lost: a cell that does not fit refuses its row, or is kept aside
or left out with a warning where the mapping says so. Each refused cell is told with its row,
column, reason and what to do; warnings of one sort are told together. Rows are counted as a
spreadsheet shows them: the header is row 1. With --json each row is one object on a line of its
own, and the sum is the last line; a row that the node refuses is told as rejected after it was
accepted. The file is read row by row, however long it is.

Exit codes: 0 every row was accepted; 1 a row was refused; 3 the mapping or the file is not what it
should be, or they do not fit each other.

Entries of databases are entered in the network, unless --dry-run or --out is given. A row that this
bureau may not enter, such as a passport that another country issued, is refused like one that does
not fit: of whom the import is, a dry run reads in the node's folder. An import that breaks off is
run again: it goes on where it stopped. A list of which rows were corrected or added is imported
again as a whole: what this bureau has entered already is not entered again, nor is, without
--withdrawn, what it has withdrawn within 7 days: single entries and lines, and a whole batch if the
list is the same. What is out of force for good is best taken out of the list.
A long list of travel documents or vehicles (more than 256 rows) is entered in batches.
Messages are sent and notices are asked for one by one: write them with --out, check them with
`ecomesh notice check` or `ecomesh ecomessage check`, and send them.")]
pub struct Args {
    /// Mapping: the name of one that comes with the program, or a file
    #[arg(long, value_name = "M.toml|NAME")]
    mapping: PathBuf,
    /// The list: CSV in UTF-8; with the mapping public-notices, JSON
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Tell what would become of the rows, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Write each accepted form to a file of this folder, row-000002.toml and so on; a folder that is there must be empty
    #[arg(long, value_name = "DIR", conflicts_with = "dry_run")]
    out: Option<PathBuf>,
    /// Enter also what was withdrawn since an import before
    #[arg(long, conflicts_with_all = ["dry_run", "out"])]
    withdrawn: bool,
}

/// Runs the command: exit 1 if a row was refused.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let mapping = load(&args.mapping)?;
    let stores = args.out.is_none() && !args.dry_run;
    if stores && !is_entry(&mapping) {
        let what = "only entries of databases are entered by an import";
        let help = "add --dry-run to see what becomes of each row, or --out DIR to write the accepted forms as files";
        return Err(Failure::new(ExitCode::Usage, what).help(help).into());
    }
    let mut import =
        Import { tally: Tally::new(global), sender: Sender::of(global), sink: Box::new(Nowhere) };
    // As of when dates are looked at: by the clock of the command, when it began.
    let now_ms = times::now_ms();
    match mapping.input() {
        Input::Csv(dialect) => {
            let mut rows = Rows::open(&args.file, dialect)?;
            let header = if dialect.header { rows.header()? } else { Vec::new() };
            let names: Vec<&str> = header.iter().map(String::as_str).collect();
            let sheet = mapping.sheet(&names).map_err(|report| unfit_columns(&args, &report))?;
            // The folder is made once mapping and file fit each other.
            import.open_sink(&args, global)?;
            while let Some(row) = rows.next()? {
                let place = Place { row: row.number, line: row.line };
                let outcome = row.cells.map_err(|problems| Rejected { problems }).and_then(|cells| {
                    let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
                    sheet.row(row.number, &cells, now_ms)
                });
                import.take(place, outcome)?;
            }
        }
        Input::PublicList => {
            let list = public_list(&args.file)?;
            import.open_sink(&args, global)?;
            for (row, outcome) in (1..).zip(list.notices(now_ms)) {
                import.take(Place { row, line: None }, outcome)?;
            }
        }
    }
    let entered = import.sink.finish()?;
    import.tell_refused()?;
    let sum = import.tally.finish(entered, import.sender.unasked())?;
    import.sender.finish(global);
    if let Some(entered) = &sum.entered {
        tell_entered(entered, global);
    }
    if let Some(folder) = &args.out {
        output::remark(
            global,
            &format!("the accepted forms are in {}: {}", folder.display(), next_step(&mapping)),
        );
    }
    Ok(if sum.rejected == 0 { ExitCode::Ok } else { ExitCode::No })
}

/// An import under way.
struct Import<'g> {
    tally: Tally<'g>,
    sender: Sender,
    sink: Box<dyn Sink>,
}

impl Import<'_> {
    fn open_sink(&mut self, args: &Args, global: &Global) -> anyhow::Result<()> {
        self.sink = match &args.out {
            Some(folder) => Box::new(Folder::new(folder)?),
            None if args.dry_run => Box::new(Nowhere),
            None => Box::new(Databases::of(global, args.withdrawn)?),
        };
        Ok(())
    }

    /// Hands on a form, or tells why there is none.
    fn take(&mut self, place: Place, outcome: Result<Mapped, Rejected>) -> anyhow::Result<()> {
        let outcome = outcome.and_then(|mapped| match self.sender.check(&mapped.form) {
            Ok(()) => Ok(mapped),
            Err(problem) => Err(Rejected { problems: vec![problem] }),
        });
        match outcome {
            Ok(Mapped { form, warnings }) => {
                let accepted = Accepted { place, form };
                let file = match self.sink.take(&accepted) {
                    Ok(file) => file,
                    Err(broken_off) => {
                        self.tell_refused()?;
                        return Err(broken_off);
                    }
                };
                self.tally.accepted(place, accepted.form.name(), file.as_deref(), &warnings)?;
                self.tell_refused()
            }
            Err(Rejected { problems }) => self.tally.rejected(place, &problems),
        }
    }

    /// Tells of rows that became forms, and that the node refused.
    fn tell_refused(&mut self) -> anyhow::Result<()> {
        self.sink.refused().iter().try_for_each(|(place, problem)| self.tally.refused(*place, problem))
    }
}

/// Says what was entered, and what the node says of it.
fn tell_entered(entered: &Entered, global: &Global) {
    output::remark(global, &entered_words(entered));
    for warning in &entered.warnings {
        output::remark(global, &format!("the node warns: {warning}"));
    }
}

fn entered_words(entered: &Entered) -> String {
    let Entered { entered, known, replaced, doubled, withdrawn, .. } = *entered;
    let known = match known {
        0 => String::new(),
        1 => ", 1 was there already".to_owned(),
        count => format!(", {count} were there already"),
    };
    let replaced = match replaced {
        0 => String::new(),
        1 => " (1 of them has another text now)".to_owned(),
        count => format!(" ({count} of them have another text now)"),
    };
    let doubled = match doubled {
        0 => String::new(),
        1 => ", 1 row stands twice in the list".to_owned(),
        count => format!(", {count} rows stand twice in the list"),
    };
    let withdrawn = match withdrawn {
        0 => String::new(),
        1 => ", 1 was withdrawn since and is not entered again (--withdrawn enters it)".to_owned(),
        count => {
            format!(", {count} were withdrawn since and are not entered again (--withdrawn enters them)")
        }
    };
    let entries = listing::counted(entered, "entry", "entries");
    format!("{entries} entered{known}{replaced}{doubled}{withdrawn}; see them with: ecomesh db list")
}

fn unfit_columns(args: &Args, report: &ecomesh_document::report::Report) -> Failure {
    let (file, mapping) = (args.file.display(), args.mapping.display());
    let what = format!("the columns of {file} are not those of the mapping {mapping}");
    let help = format!(
        "adapt the mapping to the file (ecomesh import mappings NAME > mine.toml prints one that comes with the program), or check its delimiter; lines and columns are those of {mapping}"
    );
    unfit(&what, report, &help)
}

fn public_list(path: &Path) -> Result<PublicList, Failure> {
    let bytes = files::read(path, PUBLIC_LIST_BYTES_MAX as u64)?;
    let bad = |why: String| {
        Failure::new(ExitCode::BadInput, format!("{} is no public list of notices: {why}", path.display()))
            .help("take the JSON of the list's interface as it is; for CSV choose another mapping")
    };
    let file = serde_json::from_slice(&bytes).map_err(|error| bad(error.to_string()))?;
    PublicList::new(file).ok_or_else(|| bad("it has no entries under _embedded.notices".to_owned()))
}

/// What to do with the files.
fn is_entry(mapping: &Mapping) -> bool {
    mapping.form().ends_with("-entry") && matches!(mapping.input(), Input::Csv(_))
}

fn next_step(mapping: &Mapping) -> &'static str {
    match mapping.input() {
        Input::PublicList => {
            "ecomesh notice check FILE names what the public list does not tell of it. Nobody finds an extract by a search, and it \
             is not sent as it is: each file says at its top what it lacks and what to do"
        }
        Input::Csv(_) if mapping.form() == "ecomessage" => "ecomesh send FILE --to MEMBERS sends one",
        Input::Csv(_) if mapping.form() == "message" => "ecomesh send FILE --to MEMBERS sends one",
        Input::Csv(_) if mapping.form().ends_with("-notice") => "ecomesh notice check FILE checks one again",
        Input::Csv(_) => "ecomesh db add FILE enters one",
    }
}
