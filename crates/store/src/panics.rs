//! Panics of sled that are caught: damage makes it panic as often as it makes it return an error.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

thread_local! {
    /// Whether a panic of this thread would be caught here.
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Calls `f`. If it panics, the text of the panic is the error.
pub(crate) fn catch<T>(f: impl FnOnce() -> T) -> Result<T, String> {
    let before = CAUGHT.replace(true);
    // Whoever gets the text never uses again what `f` may have left half-way.
    let result = catch_unwind(AssertUnwindSafe(f));
    CAUGHT.set(before);
    result.map_err(|panic| text(panic.as_ref()))
}

/// Keeps the panics that this crate catches off standard error, for the whole process: an error tells what became of
/// them, and their text reads like a crash. Other panics are printed as before. For the beginning of a program.
pub fn hide_caught_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if CAUGHT.get() {
            tracing::debug!(%panic, "caught");
        } else if thread::current().name().is_some_and(|name| name.starts_with("sled-io-")) {
            // What waited for this thread gets an error, and that is told.
            tracing::error!("a thread of the database stopped: {}", text(panic.payload()));
        } else {
            usual(panic);
        }
    }));
}

fn text(panic: &(dyn Any + Send)) -> String {
    let formatted = panic.downcast_ref::<String>().map(String::as_str);
    let text = formatted.or_else(|| panic.downcast_ref::<&str>().copied());
    format!(
        "the database stopped: {}",
        text.unwrap_or("no reason given").chars().take(200).collect::<String>()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_text_and_only_caught_ones_are_marked() {
        assert_eq!(catch(|| 1), Ok(1));
        let within = catch(|| {
            assert!(CAUGHT.get());
            assert_eq!(catch(|| panic!("inner")), Err::<(), _>("the database stopped: inner".into()));
            assert!(CAUGHT.get(), "the outer call catches still");
            panic!("{}", "outer")
        });
        assert_eq!(within, Err::<(), _>("the database stopped: outer".into()));
        assert!(!CAUGHT.get());
    }
}
