//! Tags and group of a subject.

use settings::Section;

/// Longest name. **Units:** characters.
const MAX_NAME: usize = 40;
/// Most tags of a subject.
const MAX_TAGS: usize = 10;

/// Tags and group by which people select and arrange subjects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    /// Tags, in the order of the settings.
    pub tags: Vec<String>,
    /// Group.
    pub group: Option<String>,
}

impl Labels {
    /// Reads the keys `tags` and `group` of a table. Returns `None` after reporting all problems.
    #[must_use]
    pub fn read(section: &Section<'_>, tags: Vec<String>, group: Option<String>) -> Option<Self> {
        let found = tags.len();
        let mut is_valid = found <= MAX_TAGS;
        if !is_valid {
            section.problem("tags", format!("expected at most {MAX_TAGS} tags, found {found}"));
        }
        for (index, tag) in tags.iter().enumerate() {
            is_valid &= section.parsed("tags", check_name(tag)).is_some();
            if tags[..index].contains(tag) {
                section.problem("tags", format!("expected each tag once, found `{tag}` again"));
                is_valid = false;
            }
        }
        let group = settings::optional(group, |group| section.parsed("group", check_name(&group)).map(|()| group));
        Some(Self { tags: Some(tags).filter(|_| is_valid)?, group: group? })
    }
}

fn check_name(name: &str) -> Result<(), String> {
    let length = name.chars().count();
    if !(1..=MAX_NAME).contains(&length) || name.trim() != name || name.chars().any(char::is_control) {
        let rule = format!("expected a name of 1 to {MAX_NAME} characters, without spaces at its edges");
        return Err(format!("{rule}, found `{name}`"));
    }
    Ok(())
}
