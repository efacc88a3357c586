//! The least that a relay with a socket a leg can do: a connected socket is readable, its packet is received and
//! sent on as it is. Every millisecond a twentieth of the waiting callers are sent a packet. It reads no header.

use rustix::event::{Timespec, epoll};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const EVENTS_MAX: usize = 512;

#[derive(Default)]
pub(crate) struct Bare {
    legs: Vec<UdpSocket>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Bare {
    pub(crate) fn open(&mut self, phone: SocketAddr) -> io::Result<SocketAddr> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_nonblocking(true)?;
        socket.connect(phone)?;
        let address = socket.local_addr()?;
        self.legs.push(socket);
        Ok(address)
    }

    /// Begins to relay between the first `talking` legs, two by two, and to play to the others.
    pub(crate) fn begin(&mut self, talking: usize) {
        let (legs, stop) = (std::mem::take(&mut self.legs), Arc::clone(&self.stop));
        let serve = move || {
            if let Err(e) = relay(&legs, talking, &stop) {
                eprintln!("rtp_load: the bare relay: {e}");
            }
        };
        self.thread = std::thread::Builder::new()
            .name("media-bare".into())
            .spawn(serve)
            .ok();
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn relay(legs: &[UdpSocket], talking: usize, stop: &AtomicBool) -> io::Result<()> {
    let poller = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    for (index, leg) in legs.iter().enumerate() {
        let data = epoll::EventData::new_u64(index as u64);
        epoll::add(&poller, leg, data, epoll::EventFlags::IN)?;
    }
    let mut ready: Vec<epoll::Event> = Vec::with_capacity(EVENTS_MAX);
    let mut packet = [0; 2_048];
    let (start, mut tick) = (Instant::now(), 0u64);
    while !stop.load(Ordering::Relaxed) {
        ready.clear();
        let left = Duration::from_millis(tick + 1).saturating_sub(start.elapsed());
        let timeout = Timespec::try_from(left).ok();
        epoll::wait(
            &poller,
            rustix::buffer::spare_capacity(&mut ready),
            timeout.as_ref(),
        )?;
        for event in &ready {
            let index = event.data.u64() as usize;
            if let Ok(length) = legs[index].recv(&mut packet)
                && index < talking
            {
                let _ = legs[index ^ 1].send(&packet[..length]);
            }
        }
        let due = start.elapsed().as_millis() as u64;
        for tick in (tick + 1..=due).rev().take(20) {
            for leg in legs[talking..].iter().skip((tick % 20) as usize).step_by(20) {
                let _ = leg.send(&[0xd5; 172]);
            }
        }
        tick = due;
    }
    Ok(())
}
