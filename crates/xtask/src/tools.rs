//! Installs the tools of the steps once, with pinned versions, into `target/tools`.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::command::Run;
use crate::workspace::Workspace;

const CARGO_CYCLONEDX: &str = "0.5.9";
const CARGO_DENY: &str = "0.20.2";
const CARGO_FUZZ: &str = "0.13.2";
const CARGO_MUTANTS: &str = "27.1.0";

/// Creates a Python environment with the packages in `crates/xtask/tools/<name>.txt` and returns its `bin` folder. A changed
/// list recreates the environment.
///
/// # Errors
/// When Python is missing or the packages cannot be installed. The message names a command that helps.
pub fn python(workspace: &Workspace, name: &str) -> Result<PathBuf> {
    let _lock = lock(workspace, name)?;
    let list = workspace.root.join(format!("crates/xtask/tools/{name}.txt"));
    let wanted = fs::read_to_string(&list).with_context(|| format!("failed to read {}", list.display()))?;
    let folder = tools(workspace).join(name);
    // Written last, so that an interrupted installation starts again.
    let installed = folder.join("installed.txt");
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(folder.join("bin"));
    }
    println!("   installing target/tools/{name} (once)");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("failed to remove {}", folder.display()))?;
    }
    require_python_venv(workspace)?;
    Run::program(workspace, "python3").args(["-m", "venv"]).args([&folder]).run()?;
    Run::program(workspace, folder.join("bin/pip"))
        .args(["install", "--quiet", "--disable-pip-version-check", "--requirement"])
        .args([&list])
        .run()?;
    fs::write(&installed, wanted).with_context(|| format!("failed to write {}", installed.display()))?;
    Ok(folder.join("bin"))
}

/// Links a program into `target/tools/bin`, and returns the link. Unlike the folder of a Python environment, that one can be put on
/// PATH without replacing `python` and `pip`.
///
/// # Errors
/// When the link cannot be made.
pub fn on_path(workspace: &Workspace, program: &Path) -> Result<PathBuf> {
    let folder = tools(workspace).join("bin");
    fs::create_dir_all(&folder).with_context(|| format!("failed to create {}", folder.display()))?;
    let link = folder.join(program.file_name().unwrap_or_default());
    if link.symlink_metadata().is_ok() {
        fs::remove_file(&link).with_context(|| format!("failed to remove {}", link.display()))?;
    }
    std::os::unix::fs::symlink(program, &link).with_context(|| format!("failed to link {}", link.display()))?;
    Ok(link)
}

/// Programs of the Node.js package manager.
const NPM: [Debian; 1] = [Debian { program: "npm", package: "npm" }];

/// Installs the packages pinned in `crates/xtask/tools/<name>/package-lock.json`, and returns the folder of their programs. A
/// changed lock file installs them again.
///
/// # Errors
/// When npm is missing or the packages cannot be installed. The message names a command that helps.
pub fn npm(workspace: &Workspace, name: &str) -> Result<PathBuf> {
    let _lock = lock(workspace, name)?;
    let source = workspace.root.join("crates/xtask/tools").join(name);
    let wanted = source.join("package-lock.json");
    let wanted = fs::read_to_string(&wanted).with_context(|| format!("failed to read {}", wanted.display()))?;
    let folder = tools(workspace).join(name);
    // Written last, so that an interrupted installation starts again.
    let installed = folder.join("installed.json");
    let programs = folder.join("node_modules/.bin");
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(programs);
    }
    println!("   installing target/tools/{name} (once)");
    debian(workspace, &NPM)?;
    fs::create_dir_all(&folder).with_context(|| format!("failed to create {}", folder.display()))?;
    for file in ["package.json", "package-lock.json"] {
        fs::copy(source.join(file), folder.join(file)).with_context(|| format!("failed to copy {file}"))?;
    }
    // npm refuses a prefix behind a symbolic link.
    let prefix = folder.canonicalize().with_context(|| format!("failed to find {}", folder.display()))?;
    let quiet = ["--no-audit", "--no-fund", "--no-update-notifier"];
    Run::program(workspace, "npm").args(["ci", "--prefix"]).args([&prefix]).args(quiet).run()?;
    fs::write(&installed, wanted).with_context(|| format!("failed to write {}", installed.display()))?;
    Ok(programs)
}

/// Path of the pinned cargo-deny. The first call installs a ready-made program, or builds it where there is none for this
/// machine: building takes minutes.
///
/// # Errors
/// When the build fails.
pub fn cargo_deny(workspace: &Workspace) -> Result<PathBuf> {
    match python(workspace, "deny") {
        Ok(bin) => Ok(bin.join("cargo-deny")),
        Err(error) => {
            println!("   no ready-made cargo-deny: {error:#}");
            cargo_tool(workspace, "cargo-deny", CARGO_DENY)
        }
    }
}

/// Path of the pinned cargo-cyclonedx. The first call builds it.
///
/// # Errors
/// When the build fails.
pub fn cargo_cyclonedx(workspace: &Workspace) -> Result<PathBuf> {
    cargo_tool(workspace, "cargo-cyclonedx", CARGO_CYCLONEDX)
}

/// Path of the pinned cargo-fuzz. The first call builds it.
///
/// # Errors
/// When the build fails.
pub fn cargo_fuzz(workspace: &Workspace) -> Result<PathBuf> {
    cargo_tool(workspace, "cargo-fuzz", CARGO_FUZZ)
}

/// Path of the pinned cargo-mutants. The first call builds it.
///
/// # Errors
/// When the build fails.
pub fn cargo_mutants(workspace: &Workspace) -> Result<PathBuf> {
    cargo_tool(workspace, "cargo-mutants", CARGO_MUTANTS)
}

fn cargo_tool(workspace: &Workspace, name: &str, version: &str) -> Result<PathBuf> {
    let _lock = lock(workspace, name)?;
    let folder = tools(workspace).join(format!("{name}-{version}"));
    let program = folder.join("bin").join(name);
    if program.is_file() {
        return Ok(program);
    }
    println!("   building {name} {version} (once, up to three minutes on two cores)");
    let build = folder.join("build");
    Run::cargo(workspace, "install --quiet --locked --root")
        .args([&folder])
        .args([format!("{name}@{version}")])
        .env("CARGO_TARGET_DIR", &build)
        // The release profiles of these tools would double the build time, for programs that run for a second.
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .run()?;
    fs::remove_dir_all(&build).with_context(|| format!("failed to remove {}", build.display()))?;
    Ok(program)
}

/// Creates a folder with replacements of `cargo` and `cargo-lambda`, which give SAM the binaries that cargo has built.
///
/// # Errors
/// When the folder cannot be written.
pub fn cargo_of_built(workspace: &Workspace) -> Result<PathBuf> {
    let folder = tools(workspace).join("cargo-of-built");
    fs::create_dir_all(&folder).with_context(|| format!("failed to create {}", folder.display()))?;
    for name in ["cargo", "cargo-lambda"] {
        let program = folder.join(name);
        fs::write(&program, include_str!("../tools/cargo-of-built.sh"))
            .with_context(|| format!("failed to write {}", program.display()))?;
        make_executable(&program)?;
    }
    Ok(folder)
}

#[cfg(unix)]
fn make_executable(program: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(program, fs::Permissions::from_mode(0o755))
        .with_context(|| format!("failed to make {} executable", program.display()))
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> Result<()> {
    bail!("expected Linux or macOS for the end-to-end tests")
}

/// A program and its Debian package.
#[derive(Clone, Copy)]
pub struct Debian {
    /// Name of the program.
    pub program: &'static str,
    /// Name of the package.
    pub package: &'static str,
}

/// Downloads a release in a test, and is compared with the client of the checks.
pub const CURL: Debian = Debian { program: "curl", package: "curl" };

/// A web server with TLS, in a test.
pub const OPENSSL: Debian = Debian { program: "openssl", package: "openssl" };

/// Shows system calls, in a test of what is on the disk and when.
pub const STRACE: Debian = Debian { program: "strace", package: "strace" };

/// Scrapes the metrics of `synthetics up`, in a test.
pub const PROMETHEUS: Debian = Debian { program: "prometheus", package: "prometheus" };

/// Servers that checks read in tests.
pub const SERVERS: [Debian; 3] = [
    Debian { program: "mariadbd", package: "mariadb-server" },
    Debian { program: "mariadb-install-db", package: "mariadb-server" },
    Debian { program: "redis-server", package: "redis-server" },
];

/// Checks that programs exist, and installs missing ones as root.
///
/// # Errors
/// Names the command that installs the missing programs.
pub fn debian(workspace: &Workspace, needs: &[Debian]) -> Result<()> {
    let missing = || -> Vec<&str> {
        // The PATH of a normal user may lack the folders of system programs.
        let exists = |program| {
            let look = format!("PATH=$PATH:/usr/sbin:/sbin command -v {program}");
            Run::program(workspace, "sh").args(["-c", &look]).succeeds()
        };
        let packages: BTreeSet<&str> =
            needs.iter().filter(|need| !exists(need.program)).map(|need| need.package).collect();
        packages.into_iter().collect()
    };
    let packages = missing();
    if !packages.is_empty() && may_install(workspace) {
        apt_install(workspace, &packages)?;
    }
    let packages = missing();
    if !packages.is_empty() {
        bail!("programs are missing\n  install them: sudo apt-get install --yes {}", packages.join(" "));
    }
    Ok(())
}

/// Reports whether this process runs as root.
pub fn is_root(workspace: &Workspace) -> bool {
    Run::program(workspace, "sh").args(["-c", "test $(id -u) = 0"]).succeeds()
}

fn may_install(workspace: &Workspace) -> bool {
    is_root(workspace) && Run::program(workspace, "sh").args(["-c", "command -v apt-get"]).succeeds()
}

fn apt_install(workspace: &Workspace, packages: &[&str]) -> Result<()> {
    Run::program(workspace, "apt-get").args(["update", "--quiet"]).run()?;
    Run::program(workspace, "apt-get")
        .args(["install", "--yes", "--no-install-recommends"])
        .args(packages)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .run()
}

/// Checks that Python can create environments. Debian and Ubuntu have a separate package for this.
fn require_python_venv(workspace: &Workspace) -> Result<()> {
    let can = || Run::program(workspace, "python3").args(["-c", "import venv, ensurepip"]).succeeds();
    if can() {
        return Ok(());
    }
    let packages = ["python3", "python3-venv"];
    if may_install(workspace) {
        apt_install(workspace, &packages)?;
    }
    if !can() {
        bail!(
            "python3 with its venv module is missing\n  install it: sudo apt-get install --yes {}",
            packages.join(" ")
        );
    }
    Ok(())
}

fn tools(workspace: &Workspace) -> PathBuf {
    workspace.target.join("tools")
}

/// Locks the folder of a tool, so that two concurrent runs do not install it at the same time.
fn lock(workspace: &Workspace, name: &str) -> Result<File> {
    let folder = tools(workspace);
    fs::create_dir_all(&folder).with_context(|| format!("failed to create {}", folder.display()))?;
    let path = folder.join(format!("{name}.lock"));
    let file = File::create(&path).with_context(|| format!("failed to open {}", path.display()))?;
    file.lock().with_context(|| format!("failed to lock {}", path.display()))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packaged_cargo_deny_has_the_version_that_is_built_elsewhere() {
        let list = include_str!("../tools/deny.txt");
        assert!(list.contains(&format!("cargo-deny=={CARGO_DENY} ")), "{list}");
    }
}
