//! Writes a target's corpus for cargo-fuzz to begin with: `cargo run -p fuzz --example corpus stack
//! tests/fuzz/fuzz/corpus/stack`.

use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let mut arguments = env::args().skip(1);
    let (Some(name), Some(folder)) = (arguments.next(), arguments.next()) else {
        return Err(io::Error::other("usage: corpus TARGET FOLDER"));
    };
    fs::create_dir_all(&folder)?;
    for (number, octets) in (fuzz::target::named(&name).corpus)().iter().enumerate() {
        fs::write(Path::new(&folder).join(format!("{number:03}")), octets)?;
    }
    Ok(())
}
