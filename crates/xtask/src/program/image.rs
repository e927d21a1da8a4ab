//! The container image: what its Dockerfile says about the program in it.

use std::fs;

use anyhow::{Context, Result, ensure};

use crate::workspace::Workspace;

/// How an image starts its program.
#[derive(Debug, PartialEq, Eq)]
pub struct Image {
    /// Numbers of the user and the group. The image has no names.
    pub user: (u32, u32),
    /// Path of the program.
    pub entrypoint: String,
}

impl Image {
    /// Reads the repository's Dockerfile.
    ///
    /// # Errors
    /// When the file is missing, or the image is not one that runs anywhere without root.
    pub fn read(workspace: &Workspace) -> Result<Self> {
        let path = workspace.root.join("Dockerfile");
        let text = fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))?;
        Self::parse(&text).context("Dockerfile is wrong")
    }

    fn parse(dockerfile: &str) -> Result<Self> {
        let value = |instruction: &str| {
            let mut lines = dockerfile.lines().filter_map(|line| line.strip_prefix(instruction)?.strip_prefix(' '));
            lines.next().with_context(|| format!("expected a line {instruction}"))
        };
        ensure!(value("FROM")? == "scratch", "expected FROM scratch, found FROM {}", value("FROM")?);
        let user = value("USER")?;
        let number = |text: &str| text.parse().ok().filter(|number: &u32| *number > 0);
        let user = user
            .split_once(':')
            .and_then(|(user, group)| Some((number(user)?, number(group)?)))
            .with_context(|| format!("expected a user and a group by numbers other than 0, found {user}"))?;
        let arguments: Vec<String> = serde_json::from_str(value("ENTRYPOINT")?).context("failed to read ENTRYPOINT")?;
        let [entrypoint] = arguments.as_slice() else {
            anyhow::bail!("expected the program alone as ENTRYPOINT, found {arguments:?}")
        };
        Ok(Self { user, entrypoint: entrypoint.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_has_only_the_program_and_no_root() {
        let dockerfile = include_str!("../../../../Dockerfile");
        let image = Image::parse(dockerfile).unwrap();
        assert_eq!(image, Image { user: (65532, 65532), entrypoint: "/synthetics".to_owned() });
        for (case, from, to, expected) in [
            ("a base image", "FROM scratch", "FROM debian", "expected FROM scratch, found FROM debian"),
            ("root", "65532:65532", "0:0", "expected a user and a group by numbers other than 0, found 0:0"),
            ("a name", "65532:65532", "nobody", "expected a user and a group by numbers other than 0, found nobody"),
            ("no user", "USER ", "# ", "expected a line USER"),
            ("a shell", "[\"/synthetics\"]", "/synthetics", "failed to read ENTRYPOINT"),
            (
                "a fixed command",
                "[\"/synthetics\"]",
                "[\"/synthetics\", \"demo\"]",
                "expected the program alone as ENTRYPOINT, found [\"/synthetics\", \"demo\"]",
            ),
        ] {
            let wrong = dockerfile.replace(from, to);
            assert_ne!(wrong, dockerfile, "{case}");
            assert_eq!(Image::parse(&wrong).unwrap_err().to_string(), expected, "{case}");
        }
    }
}
