//! Simulated callers: they come at random, wait as long as they have patience, talk, and sometimes lose the line.

use super::World;
use super::dice::{Dice, wait};
use phone::{Call, CallState, Phone, PhoneConfig};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Most callers at once; further arrivals are left out, as a trunk has only so many channels.
const CALLERS_MAX: usize = 500;

/// The share of waiting callers whose line drops before their patience does, and who dial again.
const DROPPED: f64 = 0.08;

/// Mean seconds until such a caller has dialled again.
const REDIAL: f64 = 15.0;

/// The share of talks that the operator ends.
const OPERATOR_ENDS: f64 = 0.5;

/// What a caller's voice sounds like, in Hz.
const VOICE: u32 = 440;

/// Lets callers arrive until it is time to go, then waits until the last has hung up.
pub(super) async fn arrive(world: Arc<World>) {
    let trunk = match Phone::start(PhoneConfig::new("trunk", world.engine)).await {
        Ok(trunk) => Arc::new(trunk),
        Err(error) => {
            tracing::error!(%error, "no callers can come");
            return;
        }
    };
    let seed = world.options.seed;
    let mut arrivals = Dice::new(seed, 0);
    let mean_gap = 3_600.0 / world.options.calls_per_hour;
    let mut callers = JoinSet::new();
    let mut count = 0;
    while wait(world.lapse(arrivals.exponential(mean_gap)), &world.closing).await {
        while callers.try_join_next().is_some() {}
        if callers.len() < CALLERS_MAX {
            count += 1;
            let dice = Dice::new(seed, 1_000_000 + count);
            callers.spawn(visit(world.clone(), trunk.clone(), dice));
        }
    }
    while callers.join_next().await.is_some() {}
}

/// One caller's visit, with a redial if the line drops.
async fn visit(world: Arc<World>, trunk: Arc<Phone>, mut dice: Dice) {
    let number = dice.number();
    let patience = dice.exponential(world.options.patience);
    let drops = dice.chance(DROPPED);
    let stays = if drops { patience / 3.0 } else { patience };
    let gave_up = attempt(&world, &trunk, &number, stays, &mut dice).await;
    if drops && gave_up && wait(world.lapse(dice.exponential(REDIAL)), &world.closing).await {
        attempt(&world, &trunk, &number, patience, &mut dice).await;
    }
}

/// One call: true if the caller hung up before an operator answered.
async fn attempt(world: &World, trunk: &Phone, number: &str, patience: f64, dice: &mut Dice) -> bool {
    let mut call = match trunk.call("hotline", Some(number)).await {
        Ok(call) => call,
        Err(error) => {
            tracing::warn!(%error, "a caller could not dial");
            return false;
        }
    };
    let answered = world
        .closing
        .run_until_cancelled(timeout(world.lapse(patience), call.settled()))
        .await;
    match answered {
        Some(Ok(CallState::Talking)) => {
            talk(world, call, dice).await;
            false
        }
        Some(Ok(_)) => false,
        Some(Err(_)) | None => {
            leave(call).await;
            true
        }
    }
}

async fn talk(world: &World, mut call: Call, dice: &mut Dice) {
    call.tone(VOICE);
    let seconds = dice.exponential(world.options.talk);
    // Who waits longer leaves the end to the other side.
    let seconds = if dice.chance(OPERATOR_ENDS) {
        seconds * 10.0
    } else {
        seconds
    };
    let over = timeout(world.lapse(seconds), call.over());
    if !matches!(world.closing.run_until_cancelled(over).await, Some(Ok(_))) {
        leave(call).await;
    }
}

/// Hangs up. A peer that does not confirm it is not waited for.
async fn leave(mut call: Call) {
    const CONFIRM: Duration = Duration::from_secs(2);
    let _ = timeout(CONFIRM, call.hang_up()).await;
}
