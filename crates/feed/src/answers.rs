//! Answers already given, so that a command sent twice is carried out once.

use crate::auth::Role;
use crate::command::Refusal;
use acd::Input;
use dashmap::DashMap;
use std::collections::VecDeque;

/// Answers kept for each operator and each supervisor. A repeated id older than that is new again.
const ANSWERS_KEPT: usize = 256;

/// The answers, by who asked. As many rows as there are people who sign in.
#[derive(Default)]
pub(crate) struct Answers {
    by_role: DashMap<Role, VecDeque<Kept>>,
}

struct Kept {
    id: String,
    input: Input,
    /// None while it is being carried out.
    answer: Option<Result<(), Refusal>>,
}

impl Answers {
    /// Whether the command `id` has to be carried out; `Err` holds the answer if not.
    ///
    /// # Errors
    /// What it was answered before; or that it is under way, or that the id stood for something else.
    pub(crate) fn begin(&self, role: Role, id: &str, input: Input) -> Result<(), Result<(), Refusal>> {
        let mut row = self.by_role.entry(role).or_default();
        if let Some(kept) = row.iter().find(|kept| kept.id == id) {
            return Err(match &kept.answer {
                _ if kept.input != input => Err(Refusal::IdReused),
                None => Err(Refusal::InProgress),
                Some(answer) => answer.clone(),
            });
        }
        if row.len() == ANSWERS_KEPT {
            row.pop_front();
        }
        row.push_back(Kept {
            id: id.to_owned(),
            input,
            answer: None,
        });
        Ok(())
    }

    /// Keeps the answer. A command the engine never took is forgotten, so that it can be tried again.
    pub(crate) fn finish(&self, role: Role, id: &str, answer: &Result<(), Refusal>) {
        let Some(mut row) = self.by_role.get_mut(&role) else {
            return;
        };
        if *answer == Err(Refusal::Overloaded) {
            row.retain(|kept| kept.id != id);
        } else if let Some(kept) = row.iter_mut().find(|kept| kept.id == id) {
            kept.answer = Some(answer.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use acd::OperatorId;

    const ANNE: Role = Role::Operator(OperatorId(0));
    const BERT: Role = Role::Operator(OperatorId(1));
    const READY: Input = Input::Ready {
        operator: OperatorId(0),
    };
    const OFF: Input = Input::SignOff {
        operator: OperatorId(0),
    };

    #[test]
    fn a_command_is_carried_out_once() {
        let answers = Answers::default();
        assert_eq!(answers.begin(ANNE, "1", READY), Ok(()));
        assert_eq!(answers.begin(ANNE, "1", READY), Err(Err(Refusal::InProgress)));
        answers.finish(ANNE, "1", &Ok(()));
        assert_eq!(answers.begin(ANNE, "1", READY), Err(Ok(())));
        assert_eq!(answers.begin(ANNE, "1", OFF), Err(Err(Refusal::IdReused)));
        assert_eq!(
            answers.begin(BERT, "1", READY),
            Ok(()),
            "ids are each operator's own"
        );
    }

    #[test]
    fn a_refusal_is_remembered_but_an_overload_is_not() {
        let answers = Answers::default();
        let refused = Err(Refusal::NotNow(acd::Refusal::SignedOff));
        assert_eq!(answers.begin(ANNE, "1", READY), Ok(()));
        answers.finish(ANNE, "1", &refused);
        assert_eq!(answers.begin(ANNE, "1", READY), Err(refused));
        assert_eq!(answers.begin(ANNE, "2", READY), Ok(()));
        answers.finish(ANNE, "2", &Err(Refusal::Overloaded));
        assert_eq!(answers.begin(ANNE, "2", READY), Ok(()));
    }

    #[test]
    fn memory_is_bounded() {
        let answers = Answers::default();
        for id in 0..10 * ANSWERS_KEPT {
            assert_eq!(answers.begin(ANNE, &id.to_string(), READY), Ok(()));
        }
        assert_eq!(
            answers.by_role.get(&ANNE).map(|row| row.len()),
            Some(ANSWERS_KEPT)
        );
    }
}
