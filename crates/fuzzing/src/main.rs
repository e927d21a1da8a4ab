//! Writes the seeds of each property into its own folder, and prints the names of the properties.

use std::{env, fs, io, path::Path};

use fuzzing::TARGETS;

fn main() -> io::Result<()> {
    let corpus = env::args().nth(1).ok_or_else(|| io::Error::other("usage: fuzzing FOLDER"))?;
    for target in &TARGETS {
        let folder = Path::new(&corpus).join(target.name);
        fs::create_dir_all(&folder)?;
        for (number, seed) in target.all_seeds().into_iter().enumerate() {
            fs::write(folder.join(format!("seed-{number}")), seed)?;
        }
        println!("{}", target.name);
    }
    Ok(())
}
