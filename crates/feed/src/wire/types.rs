//! The types of the wire in TypeScript, for the console: `console/src/feed/types.ts`.

use super::{Message, PROTOCOL};
use crate::incoming::Command;
use crate::sign_in::{DeniedMessage, Renewed, SignIn, SignedIn};
use expect_test::expect_file;
use std::any::TypeId;
use std::collections::{BTreeMap, BTreeSet};
use ts_rs::{Config, TS, TypeVisitor};

/// Every type that one refers to another by, as declarations in the order of their names.
struct Declarations {
    config: Config,
    seen: BTreeSet<TypeId>,
    text: BTreeMap<String, String>,
}

impl TypeVisitor for Declarations {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        if !self.seen.insert(TypeId::of::<T>()) {
            return;
        }
        // What has no file of its own has no name either: numbers, strings, lists.
        if T::output_path().is_some() {
            let docs = T::docs().unwrap_or_default();
            // A line for each member of a union, so that a change shows as what it is.
            let declaration = T::decl(&self.config).replace(" | { \"", "\n  | { \"");
            self.text
                .insert(T::ident(&self.config), format!("{docs}export {declaration}\n"));
        }
        T::visit_dependencies(self);
    }
}

fn typescript() -> String {
    let mut declarations = Declarations {
        // All integers of the wire are below 2^53.
        config: Config::new().with_large_int("number"),
        seen: BTreeSet::new(),
        text: BTreeMap::new(),
    };
    declarations.visit::<Message<'static>>();
    declarations.visit::<Command>();
    declarations.visit::<SignIn>();
    declarations.visit::<SignedIn<'static>>();
    declarations.visit::<Renewed>();
    declarations.visit::<DeniedMessage>();
    let types: Vec<String> = declarations.text.into_values().collect();
    format!(
        "// The feed's messages, made from the types of crates/feed. Do not edit: `make types` renews it.\n\
         // docs/feed.md says what they mean. Fields and events may be added: ignore what you do not know.\n\n\
         /** The version of the protocol that `hello` names. */\n\
         export const PROTOCOL = {PROTOCOL};\n\n{}",
        types.join("\n")
    )
}

#[test]
fn the_consoles_types_are_those_of_the_wire() {
    // Where this fails, the types changed: `make types` renews the file.
    expect_file!["../../../../console/src/feed/types.ts"].assert_eq(&typescript());
}
