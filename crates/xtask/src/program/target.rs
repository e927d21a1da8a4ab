//! Targets of the archives, and the check that a program fits its target.

use anyhow::{Context, Result, bail, ensure};
use object::read::elf::{ElfFile64, ProgramHeader};
use object::{Architecture, FileKind, Object, ObjectKind, elf};

/// A target of the program: static with musl, so that a program needs nothing of its machine.
#[derive(Debug, PartialEq, Eq)]
pub struct Target {
    /// Name of the processor, as `uname -m` prints it.
    pub name: &'static str,
    /// Target of the compiler.
    pub triple: &'static str,
    /// Name of the processor in container images.
    pub image: &'static str,
    architecture: Architecture,
}

/// All targets.
pub static TARGETS: [Target; 2] = [
    Target { name: "x86_64", triple: "x86_64-unknown-linux-musl", image: "amd64", architecture: Architecture::X86_64 },
    Target {
        name: "aarch64",
        triple: "aarch64-unknown-linux-musl",
        image: "arm64",
        architecture: Architecture::Aarch64,
    },
];

impl Target {
    /// Finds a target by the name of its processor.
    ///
    /// # Errors
    /// When there is none; the message names all.
    pub fn named(name: &str) -> Result<&'static Self> {
        match TARGETS.iter().find(|target| target.name == name) {
            Some(target) => Ok(target),
            None => {
                let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
                bail!("unknown target {name:?}\n  the targets are {}", names.join(" and "))
            }
        }
    }

    /// Checks that a file is a static program of 64 bits for this processor.
    ///
    /// # Errors
    /// Names what was expected and what was found.
    pub fn check(&self, file: &[u8]) -> Result<()> {
        let kind = FileKind::parse(file).context("expected a program, found a file of an unknown kind")?;
        ensure!(kind == FileKind::Elf64, "expected an ELF file of 64 bits, found {kind:?}");
        let file =
            ElfFile64::<object::Endianness>::parse(file).context("expected a program, found a broken ELF file")?;
        ensure!(
            file.architecture() == self.architecture,
            "expected a program for {:?}, found one for {:?}",
            self.architecture,
            file.architecture()
        );
        ensure!(
            matches!(file.kind(), ObjectKind::Executable | ObjectKind::Dynamic),
            "expected a program, found a file of the kind {:?}",
            file.kind()
        );
        let endian = file.endian();
        // A dynamic program names the loader that it needs. A static one may be relocated too, but relocates itself.
        let needs_loader = file.elf_program_headers().iter().any(|header| header.p_type(endian) == elf::PT_INTERP);
        ensure!(!needs_loader, "expected a static program, found one that needs a loader");
        let imported = file.imports().context("failed to read the imports")?;
        ensure!(imported.is_empty(), "expected a static program, found {} imports", imported.len());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const X86_64: u16 = elf::EM_X86_64;
    const AARCH64: u16 = elf::EM_AARCH64;

    /// An ELF file with one segment and without content.
    fn file(class: u8, kind: u16, machine: u16, segment: u32) -> Vec<u8> {
        let mut file = vec![0x7f, b'E', b'L', b'F', class, elf::ELFDATA2LSB, elf::EV_CURRENT, 0];
        file.resize(16, 0);
        file.extend([kind, machine].iter().flat_map(|value| value.to_le_bytes()));
        file.extend(1_u32.to_le_bytes());
        // Entry, place of the segments, place of the sections.
        file.extend([0_u64, 64, 0].iter().flat_map(|value| value.to_le_bytes()));
        file.extend(0_u32.to_le_bytes());
        // Sizes of this header and of a segment, number of segments; no sections.
        file.extend([64_u16, 56, 1, 64, 0, 0].iter().flat_map(|value| value.to_le_bytes()));
        file.extend(segment.to_le_bytes());
        file.resize(64 + 56, 0);
        file
    }

    #[test]
    fn program_must_be_static_and_fit_its_target() {
        let [x86_64, aarch64] = &TARGETS;
        let program = |machine| file(elf::ELFCLASS64, elf::ET_DYN, machine, elf::PT_LOAD);
        assert!(x86_64.check(&program(X86_64)).is_ok());
        assert!(aarch64.check(&program(AARCH64)).is_ok());
        assert!(aarch64.check(&file(elf::ELFCLASS64, elf::ET_EXEC, AARCH64, elf::PT_LOAD)).is_ok());
        for (case, wrong, expected) in [
            ("another processor", program(X86_64), "expected a program for Aarch64, found one for X86_64"),
            (
                "a dynamic program",
                file(elf::ELFCLASS64, elf::ET_DYN, AARCH64, elf::PT_INTERP),
                "expected a static program, found one that needs a loader",
            ),
            (
                "an object file",
                file(elf::ELFCLASS64, elf::ET_REL, AARCH64, elf::PT_LOAD),
                "expected a program, found a file of the kind Relocatable",
            ),
            (
                "32 bits",
                file(elf::ELFCLASS32, elf::ET_EXEC, elf::EM_ARM, elf::PT_LOAD),
                "expected an ELF file of 64 bits, found Elf32",
            ),
            ("a script", b"#!/bin/sh\nexec true\n".to_vec(), "expected a program, found a file of an unknown kind"),
            ("the first bytes", program(AARCH64)[..20].to_vec(), "expected a program, found a broken ELF file"),
        ] {
            assert_eq!(aarch64.check(&wrong).unwrap_err().to_string(), expected, "{case}");
        }
    }

    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[test]
    fn this_test_is_a_dynamic_program() {
        let file = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let target = Target::named(std::env::consts::ARCH).unwrap();
        assert!(target.check(&file).unwrap_err().to_string().contains("needs a loader"));
    }

    #[test]
    fn targets_are_selected_by_processor() {
        assert_eq!(Target::named("aarch64").unwrap().image, "arm64");
        let error = Target::named("arm").unwrap_err().to_string();
        assert_eq!(error, "unknown target \"arm\"\n  the targets are x86_64 and aarch64");
    }
}
