//! The Taproot compilers of rust-miniscript: one policy a line; answers one line each, first of `compile_tr`, then, behind
//! `|`, of `compile_tr_private_experimental`: the internal key, then depth and miniscript of each leaf, by tabs; or `error: …`.

use miniscript::policy::Concrete;
use miniscript::Descriptor;
use std::io::{self, BufRead, Write};
use std::str::FromStr;

fn show(desc: &Descriptor<String>) -> String {
    match desc {
        Descriptor::Tr(tr) => {
            let mut parts = vec![tr.internal_key().to_string()];
            for leaf in tr.leaves() {
                parts.push(format!("{} {}", leaf.depth(), leaf.miniscript()));
            }
            parts.join("\t")
        }
        _ => "error: no tr".to_string(),
    }
}

fn main() {
    std::panic::set_hook(Box::new(|_| {}));
    let stdin = io::stdin();
    let mut out = io::BufWriter::new(io::stdout());
    for line in stdin.lock().lines() {
        let line = line.unwrap();
        let answer = match Concrete::<String>::from_str(&line) {
            Err(e) => format!("error: {}", e),
            Ok(policy) => {
                let huffman = match policy.compile_tr(Some("NUMS".to_string())) {
                    Err(e) => format!("error: {}", e),
                    Ok(desc) => show(&desc),
                };
                let unspendable = Some("NUMS".to_string());
                let private = match std::panic::catch_unwind(|| policy.compile_tr_private_experimental(unspendable)) {
                    Err(_) => "error: panic".to_string(),
                    Ok(Err(e)) => format!("error: {}", e),
                    Ok(Ok(desc)) => show(&desc),
                };
                format!("{}|{}", huffman, private)
            }
        };
        writeln!(out, "{}", answer).unwrap();
    }
}
