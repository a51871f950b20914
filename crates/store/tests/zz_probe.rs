//! probe
mod common;
use common::*;
use ecomesh_protocol::ledger::{Batch, Ledger};
use ecomesh_record::Kind;
use std::fs;
#[test]
fn probe() {
    let dir = tempfile::tempdir().unwrap();
    let live = dir.path().join("live");
    let mut authors = Authors::new();
    let mut ledger = open(&live, authors.network);
    let mut old = fs::read(live.join("records/db")).unwrap();
    for commit in 1..=12usize {
        let count = if commit % 3 == 0 { 300 } else { 5 };
        let mut some = Vec::new();
        for n in 0..count {
            let length = (n * 37 + commit * 100) % 2_000;
            some.push(authors.next(["KE", "TZ", "ZM"][n % 3], (n % 4) as u8, Kind::MESSAGE, vec![n as u8; length]));
        }
        ledger.commit(&Batch { values: vec![("n".into(), vec![commit as u8])], ..batch(&some) }).unwrap();
        let new = fs::read(live.join("records/db")).unwrap();
        let mut changed = Vec::new();
        for at in (0..new.len()).step_by(4096) {
            let o: Vec<u8> = (at..(at + 4096).min(new.len())).map(|i| old.get(i).copied().unwrap_or(0)).collect();
            let n = &new[at..(at + 4096).min(new.len())];
            if o != n {
                let lost = o.iter().zip(n).filter(|(o, n)| **o != 0 && o != n).count();
                changed.push((at / 4096, lost));
            }
        }
        let over: Vec<_> = changed.iter().filter(|(_, l)| *l > 0).collect();
        println!("commit {commit}: len {} -> {}, changed {}, overwritten {:?}", old.len(), new.len(), changed.len(), over);
        old = new;
    }
}
