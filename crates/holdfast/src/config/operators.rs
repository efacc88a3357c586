//! The operators and their phones, and those of supervisors.

use super::finding::one_of;
use super::names::{Skills, judge_secret, not_taken, sign_in_secret, sip_uri, unique_name};
use super::network::srtp_policy;
use super::section::Section;
use acd::{OperatorConfig, OperatorId};
use sip::{Phone, PhoneOwner, SrtpPolicy};
use std::time::Duration;

/// The operators and their phones.
#[derive(Default)]
pub(super) struct Operators {
    pub(super) operators: Vec<OperatorConfig>,
    pub(super) phones: Vec<Phone>,
    /// What signs each in at a console.
    pub(super) secrets: Vec<feed::Secret>,
}

pub(super) fn operators(root: &mut Section<'_, '_, '_>, queues: &[String], skills: &Skills) -> Operators {
    let mut read = Operators::default();
    for section in root.sections("operators") {
        operator(section, queues, skills, &mut read);
    }
    if read.operators.is_empty() {
        root.findings().warn(
            &root.at_key("operators"),
            "there is none: nobody will answer",
            "add a table `[[operators]]` for each",
        );
    }
    read
}

fn operator(mut section: Section<'_, '_, '_>, queues: &[String], skills: &Skills, read: &mut Operators) {
    let id = OperatorId(read.operators.len() as u32);
    section.require("name", "\"1001\"");
    let name = section.text("name");
    if let Some(name) = &name {
        let taken: Vec<String> = read
            .operators
            .iter()
            .map(|operator| operator.name.clone())
            .collect();
        unique_name(&section, name, &taken);
    }
    let name = name.map_or_else(|| format!("operator{}", id.0), |name| name.value);
    section.require("secret", "\"a long random text\"");
    let secret = section.text("secret");
    if let Some(secret) = &secret {
        judge_secret(&section, secret, &name);
    }
    let console_secret = sign_in_secret(&mut section, "console_secret", &name);
    let contact = section.parsed("contact", "write it as \"sip:1001@192.0.2.5:5060\"", sip_uri);
    let srtp = srtp_policy(&mut section, SrtpPolicy::Off);
    let queues = served(&mut section, queues);
    let in_order = section.boolean("prefer_in_order").unwrap_or(false);
    read.operators.push(OperatorConfig {
        name: name.clone(),
        levels: if in_order {
            (0..queues.len()).map(|level| level.min(255) as u8).collect()
        } else {
            Vec::new()
        },
        queues,
        auto_ready: section.boolean("auto_ready").unwrap_or(false),
        no_answer_max: section.integer("no_answer_max", 0..=100).unwrap_or(2),
        skills: skills.named(&mut section, "skills"),
        rest: section
            .duration("rest", Duration::ZERO..=Duration::from_secs(86_400))
            .unwrap_or(Duration::ZERO),
    });
    let secret = secret.map_or_else(String::new, |secret| secret.value);
    // Who has none of their own for the console signs in with the phone's.
    read.secrets
        .push(console_secret.unwrap_or_else(|| feed::Secret::plain(&*secret)));
    read.phones.push(Phone {
        owner: PhoneOwner::Operator(id),
        user: name,
        secret,
        contact: contact.map(|contact| contact.value),
        srtp,
    });
    section.finish();
}

/// The supervisors, and the phones at which they listen to calls. None may have the name of an operator, or of another.
pub(super) fn supervisors(root: &mut Section<'_, '_, '_>, phones: &mut Vec<Phone>) -> Vec<feed::Account> {
    let operators: Vec<String> = phones.iter().map(|phone| phone.user.clone()).collect();
    let mut names = Vec::new();
    let mut supervisors = Vec::new();
    for mut section in root.sections("supervisors") {
        section.require("name", "\"9001\"");
        let name = section.text("name");
        if let Some(name) = &name {
            not_taken(&section, name, "operators", &operators);
            unique_name(&section, name, &names);
            names.push(name.value.clone());
        }
        let name = name.map_or_else(String::new, |name| name.value);
        if !section.has("console_secret") {
            section.require("secret", "\"a long random text\"");
        }
        let secret = section.text("secret");
        if let Some(secret) = &secret {
            judge_secret(&section, secret, &name);
        }
        let console_secret = sign_in_secret(&mut section, "console_secret", &name);
        let contact = section.parsed("contact", "write it as \"sip:9001@192.0.2.5:5060\"", sip_uri);
        let srtp = srtp_policy(&mut section, SrtpPolicy::Off);
        let secret = secret.map(|secret| secret.value);
        // As operators do, who has no secret of their own for the console signs in with the phone's.
        let of_phone = || feed::Secret::plain(secret.as_deref().unwrap_or_default());
        supervisors.push(feed::Account {
            name: name.clone(),
            secret: console_secret.unwrap_or_else(of_phone),
        });
        // Who has none for a phone has no phone.
        phones.extend(secret.map(|secret| Phone {
            owner: PhoneOwner::Supervisor,
            user: name,
            secret,
            contact: contact.map(|contact| contact.value),
            srtp,
        }));
        section.finish();
    }
    supervisors
}

fn served(section: &mut Section<'_, '_, '_>, queues: &[String]) -> Vec<u32> {
    let mut served = Vec::new();
    for name in section.texts("queues").unwrap_or_default() {
        match queues.iter().position(|queue| *queue == name.value) {
            Some(index) => served.push(index as u32),
            None => section.findings().error(
                &name.at,
                format!("there is no queue \"{}\"", name.value),
                one_of(&name.value, queues.iter().map(String::as_str)),
            ),
        }
    }
    served
}

pub(super) fn pause_reasons(root: &mut Section<'_, '_, '_>) -> Vec<String> {
    let default = ["break", "meal", "meeting", "training"];
    let Some(reasons) = root.texts("pause_reasons") else {
        return default.map(str::to_owned).to_vec();
    };
    let mut names: Vec<String> = Vec::new();
    for reason in reasons {
        unique_name(root, &reason, &names);
        names.push(reason.value);
    }
    names
}
