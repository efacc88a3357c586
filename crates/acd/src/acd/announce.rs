//! What waiting callers are told: the position, and how long it will take.
//!
//! Owns the announcements, from the question to the judgement: every figure told to a caller who is then connected is
//! compared with what came of it. What is told to a caller who gives up cannot be judged and is dropped.

use super::Acd;
use crate::estimate::{Question, Told};
use crate::{Audio, Event, Output, Predictor, QueueId, Waits};

impl Acd {
    /// Tells a waiting caller what is due: the position, the offer of a call-back, or both in one.
    pub(super) fn tell(&mut self, slot: u32) {
        let call = &self.calls[slot];
        if call.id.is_call_back() {
            return;
        }
        let id = call.id;
        let every = self.queue_config(call.queue).announce_every;
        let position_due = !every.is_zero() && call.announce_at <= self.now;
        let offer_due = call.offer_at.is_some_and(|at| at <= self.now);
        if position_due {
            self.announce(slot);
        } else if let Some(key) = self.offered_key(slot).filter(|_| offer_due) {
            let audio = Audio::CallBackOffer(key);
            self.out.push(Output::Play { call: id, audio });
        }
        if offer_due {
            self.calls[slot].offer_at = None;
        }
    }

    /// The key that asks for a call-back, if one is offered by now and can be promised.
    fn offered_key(&self, slot: u32) -> Option<char> {
        let call = &self.calls[slot];
        let offer = self.queue_config(call.queue).call_back?;
        let due = self.now >= call.arrived + offer.offer_after;
        (due && self.may_promise(slot)).then_some(offer.key)
    }

    /// Tells a waiting caller the position: 1 is next. And the wait, if the queue tells it and something is known.
    fn announce(&mut self, slot: u32) {
        let call = &self.calls[slot];
        let (id, queue, earlier) = (call.id, call.queue, call.told);
        let config = self.queue_config(queue);
        let (predictor, quantile) = (config.predictor, f64::from(config.wait_quantile) / 100.0);
        let question = self.question(slot);
        let learned = &self.queues[queue.0 as usize].learned;
        let waits = learned.predict(question);
        let predicted = waits.by(predictor).filter(|_| quantile > 0.0);
        let wait = predicted.and_then(|predicted| learned.announced(predicted, question.before, quantile));
        let told = self.announcements.add(Told {
            at: self.now,
            announced: wait,
            waits,
            earlier,
        });
        self.calls[slot].told = Some(told);
        let position = question.before + 1;
        let call_back = self.offered_key(slot);
        self.out.push(Output::Play {
            call: id,
            audio: Audio::Position {
                position,
                wait,
                call_back,
            },
        });
        self.event(Event::PositionAnnounced {
            call: id,
            position,
            wait,
        });
    }

    pub(super) fn question(&self, slot: u32) -> Question {
        let call = &self.calls[slot];
        let lists = &self.queues[call.queue.0 as usize];
        let before = lists.older_than(call.ticket);
        self.question_behind(call.queue, before, call.admitted.is_none())
    }

    fn question_behind(&self, queue: QueueId, before: u32, needs_line: bool) -> Question {
        let lists = &self.queues[queue.0 as usize];
        let head = lists.heads().min();
        Question {
            before,
            needs_line,
            head_waited: head.map(|(_, head)| self.now.since(self.calls[head].arrived)),
            operators: self.operators.at_work(queue),
            lines: self.lines.in_force,
            lines_in_use: self.lines.in_use,
            next_change: self
                .lines
                .next_change
                .map(|(at, lines)| (at.since(self.now).as_secs_f64(), lines)),
        }
    }

    /// The caller's wait ended with an operator: what was told is compared with what came of it.
    pub(super) fn judge_announcements(&mut self, slot: u32) {
        let (call, queue) = (self.calls[slot].id, self.calls[slot].queue);
        let quantile = f64::from(self.queue_config(queue).wait_quantile) / 100.0;
        let mut next = self.calls[slot].told.take();
        while let Some(told) = next.map(|told| self.announcements.take(told)) {
            let Told {
                at,
                announced,
                waits,
                earlier,
            } = told;
            let waited = self.now.since(at);
            if let Some(announced) = announced {
                self.queues[queue.0 as usize]
                    .learned
                    .judge(announced, waited, quantile);
            }
            self.event(Event::WaitJudged {
                call,
                queue,
                announced,
                waits,
                waited,
            });
            next = earlier;
        }
    }

    /// The caller's wait ended otherwise: nothing can be said about what was told.
    pub(super) fn drop_announcements(&mut self, slot: u32) {
        let mut next = self.calls[slot].told.take();
        while let Some(told) = next {
            next = self.announcements.take(told).earlier;
        }
    }

    /// What would be predicted for the next caller of a queue, as data; none if there is no such queue.
    pub fn predictions(&self, queue: QueueId) -> Option<Waits> {
        let lists = self.queues.get(queue.0 as usize)?;
        let before = lists.len();
        Some(lists.learned.predict(self.question_behind(queue, before, true)))
    }
}

impl Waits {
    /// The prediction of one predictor.
    pub fn by(&self, predictor: Predictor) -> Option<std::time::Duration> {
        match predictor {
            Predictor::QueueLength => self.queue_length,
            Predictor::LastToEnterService => self.last_to_enter_service,
            Predictor::HeadOfLine => self.head_of_line,
        }
    }
}
