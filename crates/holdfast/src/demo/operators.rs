//! Simulated operators: their phones register, ring, and are mostly picked up.

use super::dice::{Dice, wait};
use super::house::{SECRET, operator_name};
use super::{DemoError, World};
use phone::{Call, Incoming, Phone, PhoneConfig, PhoneError};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long a registration is asked for; it is renewed at half of it.
const EXPIRES: Duration = Duration::from_secs(600);

/// Mean seconds until a ringing phone is picked up.
const PICK_UP: f64 = 4.0;

/// The share of calls that an operator lets ring, having left the desk.
const AWAY: f64 = 0.03;

/// Mean seconds until an operator who left comes back.
const BACK: f64 = 120.0;

/// What an operator's voice sounds like, in Hz.
const VOICE: u32 = 1_000;

/// Brings all operators to their desks, their phones registered.
///
/// # Errors
/// When a phone cannot be switched on or is not let in.
pub(super) async fn arrive(world: &Arc<World>, people: &mut JoinSet<()>) -> Result<(), DemoError> {
    for index in 0..world.options.operators {
        let config = PhoneConfig {
            secret: Some(SECRET.to_owned()),
            ..PhoneConfig::new(&operator_name(index), world.engine)
        };
        let phone = Phone::start(config).await?;
        phone.register(EXPIRES).await?;
        let dice = Dice::new(world.options.seed, 1 + u64::from(index));
        people.spawn(work(world.clone(), phone, dice));
    }
    Ok(())
}

/// Answers calls until it is time to go, then unregisters.
async fn work(world: Arc<World>, phone: Phone, mut dice: Dice) {
    loop {
        let rung = timeout(EXPIRES / 2, phone.rung());
        match world.closing.run_until_cancelled(rung).await {
            Some(Ok(Some(incoming))) => {
                if let Err(error) = take(&world, &phone, incoming, &mut dice).await {
                    tracing::warn!(%error, "an operator's phone failed");
                }
            }
            Some(Err(_)) => {
                if let Err(error) = phone.register(EXPIRES).await {
                    tracing::warn!(%error, "a registration could not be renewed");
                }
            }
            Some(Ok(None)) | None => break,
        }
    }
    let _ = phone.register(Duration::ZERO).await;
}

async fn take(
    world: &World,
    phone: &Phone,
    mut incoming: Incoming,
    dice: &mut Dice,
) -> Result<(), PhoneError> {
    incoming.ringing();
    if dice.chance(AWAY) {
        incoming.gone().await;
        // Back at the desk: registering anew makes the operator ready.
        if wait(world.lapse(dice.exponential(BACK)), &world.closing).await {
            phone.register(Duration::ZERO).await?;
            phone.register(EXPIRES).await?;
        }
        return Ok(());
    }
    let picked_up = timeout(world.lapse(dice.exponential(PICK_UP)), incoming.gone());
    if !matches!(world.closing.run_until_cancelled(picked_up).await, Some(Err(_))) {
        // The caller gave up first, or it is time to go.
        return Ok(());
    }
    match incoming.answer() {
        Ok(call) => talk(world, call, dice).await,
        Err(PhoneError::CallOver) => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

async fn talk(world: &World, mut call: Call, dice: &mut Dice) {
    const CONFIRM: Duration = Duration::from_secs(2);
    call.tone(VOICE);
    let over = timeout(world.lapse(dice.exponential(world.options.talk)), call.over());
    if !matches!(world.closing.run_until_cancelled(over).await, Some(Ok(_))) {
        let _ = timeout(CONFIRM, call.hang_up()).await;
    }
}
