//! Builds the program for machines without a toolchain: static, in an archive with its checksum.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use object::{Architecture, Object, ObjectKind};

use crate::command::Run;
use crate::tools;
use crate::workspace::Workspace;

/// Targets of the archives: static with musl, so that a program needs nothing of its machine.
const TARGETS: [(&str, Architecture); 1] = [("x86_64-unknown-linux-musl", Architecture::X86_64)];
/// Profile in the workspace's `Cargo.toml`.
const PROFILE: &str = "program";
const PROGRAM: &str = "synthetics";
/// Other files of an archive.
const DOCUMENTS: [&str; 4] = ["CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT", "README.md"];
/// Longest time from the start of the unpacked program to its first passed check.
const FIRST_GREEN: Duration = Duration::from_secs(5);

/// Builds one archive per target into `target/program`, with a file of checksums, and tries them.
///
/// # Errors
/// When an archive cannot be built, or its program does not work.
pub fn package(workspace: &Workspace) -> Result<()> {
    let zig = tools::python(workspace, "program")?;
    let folder = workspace.target.join("program");
    fs::create_dir_all(&folder).with_context(|| format!("failed to create {}", folder.display()))?;
    let mut archives = Vec::new();
    for (target, architecture) in TARGETS {
        let program = built(workspace, &zig, target)?;
        check_elf(&program, architecture)?;
        archives.push(archived(workspace, &folder, target, &program)?);
    }
    let names = archives.iter().filter_map(|archive| archive.file_name());
    let sums = Run::program(workspace, "sha256sum").directory(&folder).args(names).output()?;
    let list = folder.join("SHA256SUMS");
    fs::write(&list, &sums).with_context(|| format!("failed to write {}", list.display()))?;
    print!("{sums}");
    match archives.first() {
        Some(archive) if std::env::consts::ARCH == "x86_64" => try_in_empty_root(workspace, archive),
        _ => Ok(()),
    }
}

/// Builds the program for a target and returns its path.
fn built(workspace: &Workspace, zig: &Path, target: &str) -> Result<PathBuf> {
    if !Run::program(workspace, "rustup").args(["target", "add", target]).succeeds() {
        bail!("the standard library for {target} is missing\n  install it: rustup target add {target}");
    }
    let programs = std::env::join_paths(
        std::iter::once(zig.to_path_buf()).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
    )
    .context("failed to put the tools on PATH")?;
    Run::program(workspace, zig.join("cargo-zigbuild"))
        .args(["zigbuild", "--package", PROGRAM, "--profile", PROFILE, "--target", target])
        .env("CARGO", &workspace.cargo)
        .env("CARGO_TARGET_DIR", &workspace.target)
        .env("PATH", programs)
        .run()?;
    Ok(workspace.target.join(target).join(PROFILE).join(PROGRAM))
}

/// Checks that a program is static and made for a processor.
fn check_elf(program: &Path, architecture: Architecture) -> Result<()> {
    let bytes = fs::read(program).with_context(|| format!("failed to read {}", program.display()))?;
    let file = object::File::parse(&*bytes).with_context(|| format!("{} is no program", program.display()))?;
    ensure!(
        file.architecture() == architecture && matches!(file.kind(), ObjectKind::Executable | ObjectKind::Dynamic),
        "expected a program for {architecture:?}, found {:?} for {:?}",
        file.kind(),
        file.architecture()
    );
    let imported = file.imports().context("failed to read the imports")?;
    ensure!(imported.is_empty(), "expected a static program, found {} imports", imported.len());
    Ok(())
}

/// Archives a program with its documents. The same files give the same archive.
fn archived(workspace: &Workspace, folder: &Path, target: &str, program: &Path) -> Result<PathBuf> {
    let name = format!("{PROGRAM}-{}-{target}", env!("CARGO_PKG_VERSION"));
    let content = folder.join(&name);
    if content.exists() {
        fs::remove_dir_all(&content).with_context(|| format!("failed to remove {}", content.display()))?;
    }
    fs::create_dir(&content).with_context(|| format!("failed to create {}", content.display()))?;
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
        .args(["--use-compress-program=gzip --no-name --best", "--file", &archive, &name])
        .run()?;
    fs::remove_dir_all(&content).with_context(|| format!("failed to remove {}", content.display()))?;
    Ok(folder.join(archive))
}

/// Unpacks an archive into an empty root and runs the demo there, as on a machine that has nothing else.
fn try_in_empty_root(workspace: &Workspace, archive: &Path) -> Result<()> {
    let root = workspace.target.join("program/root");
    if root.exists() {
        fs::remove_dir_all(&root).with_context(|| format!("failed to remove {}", root.display()))?;
    }
    fs::create_dir(&root).with_context(|| format!("failed to create {}", root.display()))?;
    Run::program(workspace, "tar")
        .args(["--extract", "--strip-components=1", "--file"])
        .args([archive, Path::new("--directory"), &root])
        .run()?;
    let began = Instant::now();
    let mut demo = Command::new("unshare")
        .args(["--map-root-user", "--root"])
        .arg(&root)
        .args(["/synthetics", "demo", "--for", "10s", "--port", "0"])
        .stdout(Stdio::piped())
        .spawn()
        .context("failed to start unshare\n  install it: sudo apt-get install --yes util-linux")?;
    let printed = demo.stdout.take().context("expected the output of the demo")?;
    let (mut green, mut said) = (None, String::new());
    for line in BufReader::new(printed).lines() {
        let line = line.context("failed to read the output of the demo")?;
        if line.contains(": passed") {
            green.get_or_insert_with(|| began.elapsed());
        }
        // Writing to a string cannot fail.
        let _ = writeln!(said, "{line}");
    }
    let status = demo.wait().context("failed to wait for the demo")?;
    ensure!(status.success(), "the demo in an empty root ended with {status}:\n{said}");
    let green = green.with_context(|| format!("expected a passed check, found:\n{said}"))?;
    println!("   in an empty root, the first check passed after {:.1} s", green.as_secs_f64());
    ensure!(green <= FIRST_GREEN, "expected a passed check within {} s", FIRST_GREEN.as_secs());
    fs::remove_dir_all(&root).with_context(|| format!("failed to remove {}", root.display()))
}
