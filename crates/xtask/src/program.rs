//! Builds the program for machines without a toolchain: static, in an archive with its checksum and bill of materials.

mod empty_root;
mod image;
mod sbom;
mod target;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::command::Run;
use crate::tools;
use crate::workspace::Workspace;
use image::Image;
use target::{TARGETS, Target};

/// Profile in the workspace's `Cargo.toml`.
const PROFILE: &str = "program";
const PROGRAM: &str = "synthetics";
/// Other files of an archive.
const DOCUMENTS: [&str; 4] = ["CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT", "README.md"];

/// Builds an archive and a bill of materials per target into `target/program`, with a file of checksums and the build context
/// of the container image, and tries what this machine can run.
///
/// # Errors
/// When the target is unknown, an archive cannot be built, or its program does not work.
pub fn package(workspace: &Workspace, only: Option<&str>) -> Result<()> {
    let targets: Vec<&Target> = match only {
        Some(name) => vec![Target::named(name)?],
        None => TARGETS.iter().collect(),
    };
    let image = Image::read(workspace)?;
    build(workspace, &targets)?;
    let folder = workspace.target.join("program");
    let context = folder.join("image");
    create_empty(&context)?;
    let mut files = Vec::new();
    for target in &targets {
        let program = workspace.target.join(target.triple).join(PROFILE).join(PROGRAM);
        let bytes = fs::read(&program).with_context(|| format!("failed to read {}", program.display()))?;
        target.check(&bytes).with_context(|| format!("{} is wrong", program.display()))?;
        let name = format!("{PROGRAM}-{}-{}", env!("CARGO_PKG_VERSION"), target.triple);
        let archive = archived(workspace, &folder, &name, &program)?;
        unpack(workspace, &archive, &context.join(target.image))?;
        files.push(archive);
        files.push(sbom::write(workspace, &folder, &name, target.triple)?);
    }
    print!("{}", checksums(workspace, &folder, &files)?);
    if let Some(target) = targets.iter().find(|target| target.name == std::env::consts::ARCH) {
        // A copy, because the test adds a file to it.
        let root = folder.join("root");
        let name = format!("{PROGRAM}-{}-{}.tar.gz", env!("CARGO_PKG_VERSION"), target.triple);
        unpack(workspace, &folder.join(name), &root)?;
        empty_root::prove(workspace, &root, &image)?;
        fs::remove_dir_all(&root).with_context(|| format!("failed to remove {}", root.display()))?;
    }
    Ok(())
}

/// Builds the program for all targets at once, which share the macros and build scripts.
fn build(workspace: &Workspace, targets: &[&Target]) -> Result<()> {
    let zig = tools::python(workspace, "program")?;
    for target in targets {
        if !Run::program(workspace, "rustup").args(["target", "add", target.triple]).succeeds() {
            bail!("the standard library for {0} is missing\n  install it: rustup target add {0}", target.triple);
        }
    }
    let programs = std::env::join_paths(
        std::iter::once(zig.clone()).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
    )
    .context("failed to put the tools on PATH")?;
    Run::program(workspace, zig.join("cargo-zigbuild"))
        .args(["zigbuild", "--locked", "--package", PROGRAM, "--profile", PROFILE])
        .args(targets.iter().flat_map(|target| ["--target", target.triple]))
        .env("CARGO", &workspace.cargo)
        .env("CARGO_TARGET_DIR", &workspace.target)
        .env("PATH", programs)
        .run()
}

/// Archives a program with its documents. The same files give the same archive.
fn archived(workspace: &Workspace, folder: &Path, name: &str, program: &Path) -> Result<PathBuf> {
    let content = folder.join(name);
    create_empty(&content)?;
    let copy = |from: &Path, name: &str| {
        fs::copy(from, content.join(name)).with_context(|| format!("failed to copy {}", from.display()))
    };
    copy(program, PROGRAM)?;
    for document in DOCUMENTS {
        copy(&workspace.root.join(document), document)?;
    }
    let archive = format!("{name}.tar.gz");
    Run::program(workspace, "tar")
        .directory(folder)
        .args([
            "--create",
            "--sort=name",
            "--owner=0",
            "--group=0",
            "--numeric-owner",
            "--mtime=@0",
            "--mode=go=rX,u+rw",
        ])
        .args(["--use-compress-program=gzip --no-name --best", "--file", &archive, name])
        .run()?;
    fs::remove_dir_all(&content).with_context(|| format!("failed to remove {}", content.display()))?;
    Ok(folder.join(archive))
}

/// Unpacks an archive into a new folder.
fn unpack(workspace: &Workspace, archive: &Path, folder: &Path) -> Result<()> {
    create_empty(folder)?;
    Run::program(workspace, "tar")
        .args(["--extract", "--strip-components=1", "--file"])
        .args([archive, Path::new("--directory"), folder])
        .run()
}

/// Writes the checksums of files in a folder to `SHA256SUMS` there, and returns its text.
fn checksums(workspace: &Workspace, folder: &Path, files: &[PathBuf]) -> Result<String> {
    let names = files.iter().filter_map(|file| file.file_name());
    let sums = Run::program(workspace, "sha256sum").directory(folder).args(["--"]).args(names).output()?;
    let list = folder.join("SHA256SUMS");
    fs::write(&list, &sums).with_context(|| format!("failed to write {}", list.display()))?;
    Ok(sums)
}

fn create_empty(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("failed to remove {}", folder.display()))?;
    }
    fs::create_dir(folder).with_context(|| format!("failed to create {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_name_the_files_without_their_folder() {
        let folder = std::env::temp_dir().join(format!("checksums-{}", std::process::id()));
        create_empty(&folder).unwrap();
        let workspace = Workspace { root: folder.clone(), target: folder.clone(), cargo: "cargo".into() };
        let files = ["a.tar.gz", "a.cdx.json"].map(|name| folder.join(name));
        files.iter().for_each(|file| fs::write(file, "abc").unwrap());
        let sums = checksums(&workspace, &folder, &files).unwrap();
        let written = fs::read_to_string(folder.join("SHA256SUMS")).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        // The example of FIPS 180-2.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sums, format!("{abc}  a.tar.gz\n{abc}  a.cdx.json\n"));
        assert_eq!(written, sums);
    }
}
