//! Founding a network: keys, cards, the charter, its signatures, and joining.
//!
//! Each bureau makes keys ([`keygen`](fn@keygen::keygen)) and sends its public **card** to the others. One of them
//! drafts the **charter** from all cards ([`draft`]), a text that people read and whose fingerprint they compare
//! over the telephone. Each founder **signs** it ([`sign`](fn@sign::sign)); with all signatures anyone **founds**
//! the network ([`found`](fn@sign::found)): one file, which each founder's node **joins** ([`join`](fn@join::join)).
//! The hash of the charter is the network id. There is no centre that could be asked, so every step verifies
//! everything again.

pub mod card;
pub mod draft;
pub mod join;
pub mod keygen;
pub mod sign;
pub mod text;
pub mod transport;

pub use card::{Card, CardError};
