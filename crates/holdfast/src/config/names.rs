//! Names, skills and secrets: what several tables have in common.

use super::finding::{At, Placed, one_of};
use super::section::Section;

/// Reports a name that was used before, or that cannot be one.
pub(super) fn unique_name(section: &Section<'_, '_, '_>, name: &Placed<String>, taken: &[String]) {
    if name.value.is_empty() {
        section.findings().error(&name.at, "is empty", "give it a name");
    } else {
        let list = name.at.key.split('[').next().unwrap_or_default();
        not_taken(section, name, list, taken);
    }
}

/// Reports a name that something in `list` has.
pub(super) fn not_taken(section: &Section<'_, '_, '_>, name: &Placed<String>, list: &str, taken: &[String]) {
    if let Some(index) = taken.iter().position(|other| *other == name.value) {
        section.findings().error(
            &name.at,
            format!("\"{}\" is the name of {list}[{index}] already", name.value),
            "give each its own name",
        );
    }
}

/// Complains about a secret that anybody could guess.
pub(super) fn judge_secret(section: &Section<'_, '_, '_>, secret: &Placed<String>, name: &str) {
    const LENGTH_MIN: usize = 8;
    let Placed { value, at } = secret;
    let complain = |at: &At, what: &str| {
        section.findings().warn(
            at,
            what,
            "use a long random text, as `openssl rand -base64 18` prints",
        );
    };
    if value.is_empty() {
        section
            .findings()
            .error(at, "is empty", "give a long random text");
    } else if value.starts_with("change-me") {
        complain(at, "is the one everybody can read in the example");
    } else if value.len() < LENGTH_MIN || value == name {
        complain(at, "is easily guessed");
    }
}

/// What signs somebody in at a console: a hash, or a plain text.
pub(super) fn sign_in_secret(
    section: &mut Section<'_, '_, '_>,
    key: &'static str,
    name: &str,
) -> Option<feed::Secret> {
    let text = section.text(key)?;
    match feed::Secret::parse(&text.value) {
        Ok(secret) => {
            judge_secret(section, &text, name);
            Some(secret)
        }
        Err(what) => {
            let remedy = "make one with `holdfast hash-secret`, and copy all of it";
            section.findings().error(&text.at, what.to_string(), remedy);
            None
        }
    }
}

/// A SIP URI that can be dialled, or what is wrong with the text.
pub(super) fn sip_uri(text: &str) -> Result<String, &'static str> {
    let fits = text.len() > 4 && text.starts_with("sip:") && !text.contains([' ', '<', '>', '"']);
    if fits {
        Ok(text.to_owned())
    } else {
        Err("is not a SIP URI")
    }
}

/// The names of skills, each with its bit.
#[derive(Default)]
pub(super) struct Skills {
    names: Vec<String>,
}

/// Most skills there can be.
const SKILLS_MAX: usize = 64;

impl Skills {
    /// The names, by bit.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    pub(super) fn read(root: &mut Section<'_, '_, '_>) -> Self {
        let mut skills = Self::default();
        for skill in root.texts("skills").into_iter().flatten() {
            unique_name(root, &skill, &skills.names);
            if skills.names.len() == SKILLS_MAX {
                let remedy = format!("use {SKILLS_MAX} at most");
                root.findings().error(&skill.at, "is one skill too many", remedy);
                break;
            }
            skills.names.push(skill.value);
        }
        skills
    }

    /// The skills that a table names under `key`.
    pub(super) fn named(&self, section: &mut Section<'_, '_, '_>, key: &'static str) -> acd::Skills {
        let mut bits = 0;
        for skill in section.texts(key).into_iter().flatten() {
            match self.names.iter().position(|name| *name == skill.value) {
                Some(bit) => bits |= 1 << bit,
                None if self.names.is_empty() => section.findings().error(
                    &skill.at,
                    format!("there is no skill \"{}\"", skill.value),
                    "name all skills in `skills` at the head of the file",
                ),
                None => section.findings().error(
                    &skill.at,
                    format!("there is no skill \"{}\"", skill.value),
                    one_of(&skill.value, self.names.iter().map(String::as_str)),
                ),
            }
        }
        acd::Skills(bits)
    }
}
