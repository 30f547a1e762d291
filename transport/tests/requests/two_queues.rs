//! A driver with two queues, which the chapter "A driver with requests" of the book includes.

use std::ops::ControlFlow;

use aerostat_device::soft::{SoftMmio, SoftQueue};
use aerostat_device::{GuestMemory, Ledger, TestPlatform, When};
// ANCHOR: imports
use aerostat_spec::RequestOn;
use aerostat_spec::zerocopy::FromBytes as _;
// ANCHOR_END: imports
use aerostat_transport::queue::{ReceiveError, SendError};
use aerostat_transport::{
    Device, DeviceError, Dma, Ending, Live, Mmio, QueueError, RequestQueue, SetupError, SetupFailed, Transport, Wait,
};

// ANCHOR: types
aerostat_spec::virtio_device! {
    device fan = 63 {
        queues { control = 0, urgent = 1 }
        struct header { result: le16, reason: le16 }
        request set_speed on control { readable { speed: le32 } writable { hdr: header, old: le32 } }
        request stop on urgent { writable { hdr: header } }
    }
}
use fan::queue;

aerostat_spec::feature_set! { struct Declared for fan {} }

/// The two queues. `Disabled`, the default state, is the state of a queue that may never be enabled.
type Control<T> = RequestQueue<queue::Control, <T as Transport>::Notifier, 2>;
type Urgent<T> = RequestQueue<queue::Urgent, <T as Transport>::Notifier, 2>;

/// A live fan.
#[derive(Debug)]
struct Fan<T: Transport> {
    device: Device<T, fan::Device, Live<Declared>>,
    control: Control<T>,
    urgent: Urgent<T>,
}

/// A fan that is being reset.
#[derive(Debug)]
struct Removing<T: Transport> {
    device: Device<T, fan::Device, Ending>,
    control: Control<T>,
    /// `None` if the queue could not be set up.
    urgent: Option<Urgent<T>>,
}

type ProbeFailed<T> = aerostat_transport::ProbeFailed<T, Removing<T>, FanError>;
// ANCHOR_END: types

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum FanError {
    #[error(transparent)]
    Setup(#[from] SetupError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(transparent)]
    Device(#[from] DeviceError),
    #[error(transparent)]
    Send(#[from] SendError),
    #[error(transparent)]
    Receive(#[from] ReceiveError),
    #[error("the fan refused the request: {reason}")]
    Refused { reason: u16 },
}

/// The length of a buffer in bytes.
const BYTES: usize = 16;

impl<T: Transport> Fan<T> {
    // ANCHOR: probe
    fn probe(transport: T, dma: &mut impl Dma, wait: &mut impl Wait) -> Result<Self, ProbeFailed<T>> {
        let device = Device::take(transport)?.wait(wait).map_err(SetupFailed::from)?.acknowledge().driver();
        let mut device = device.negotiate::<Declared>()?;
        let control = match device.request_queue(queue::Control, 2, BYTES, dma) {
            Ok(control) => control,
            // The device has no memory yet, and need not be reset.
            Err(error) => {
                return Err(ProbeFailed { error: error.into(), transport: Ok(device.abandon().into_transport()) });
            }
        };
        let urgent = match device.request_queue(queue::Urgent, 2, BYTES, dma) {
            Ok(urgent) => urgent,
            // The device has the memory of the first queue, until it has been reset.
            Err(error) => {
                let removing = Removing { device: device.abandon(), control, urgent: None };
                let transport = removing.wait(dma, wait).map_err(|(removing, _)| removing);
                return Err(ProbeFailed { error: error.into(), transport });
            }
        };
        let fan = Self { device: device.go_live(), control, urgent };
        let Err(error) = fan.device.check() else { return Ok(fan) };
        let transport = fan.remove().wait(dma, wait).map_err(|(removing, _)| removing);
        Err(ProbeFailed { error: error.into(), transport })
    }

    fn remove(self) -> Removing<T> {
        Removing { device: self.device.reset(), control: self.control, urgent: Some(self.urgent) }
    }
    // ANCHOR_END: probe

    // ANCHOR: command
    /// Sends a request to the first queue, and waits for its answer.
    fn command<'m, R: RequestOn<queue::Control>>(
        &mut self,
        request: &R,
        memory: &'m mut [u8],
        wait: &mut impl Wait,
    ) -> Result<R::Answer<'m>, FanError> {
        // If an earlier call gave up waiting, its request is still in flight, and is answered first.
        while self.control.in_flight() > 0 {
            self.control.wait_for_answer(&self.device, memory, wait)?;
        }
        self.control.send_request(request)?;
        // Queues that are not enabled take the proof that the device is live.
        self.control.notify_live(self.device.live_proof());
        let received = self.control.wait_for_answer(&self.device, memory, wait)?;
        received.decode::<R>(&request.shape()).map_err(|error| match fan::Header::read_from_prefix(received.bytes()) {
            Ok((header, _)) if header.result != 0 => FanError::Refused { reason: header.reason.get() },
            _ => error.into(),
        })
    }
    // ANCHOR_END: command
}

// ANCHOR: removing
impl<T: Transport> Removing<T> {
    fn wait(self, dma: &mut impl Dma, wait: &mut impl Wait) -> Result<T, (Self, SetupError)> {
        match self.device.wait(wait) {
            Ok((transport, proof)) => {
                // One proof frees the memory of all queues of the device. An error contains the queue, if `dma` is another one.
                let _ = self.control.release(&proof, dma);
                let _ = self.urgent.map(|urgent| urgent.release(&proof, dma));
                Ok(transport)
            }
            Err((device, error)) => Err((Self { device, ..self }, error)),
        }
    }
}
// ANCHOR_END: removing

struct Machine {
    registers: SoftMmio,
    memory: GuestMemory,
    platform: TestPlatform,
    ledger: Ledger,
}

impl Machine {
    fn new() -> Self {
        let memory = GuestMemory::new(4 << 20).unwrap();
        let platform: TestPlatform = TestPlatform::builder(&memory).build().unwrap();
        Self { registers: SoftMmio::new(63), memory, ledger: platform.ledger(), platform }
    }

    fn probe(&mut self) -> Result<Fan<Mmio<SoftMmio>>, ProbeFailed<Mmio<SoftMmio>>> {
        let transport = Mmio::new(self.registers.clone()).map_err(|(_, error)| error).unwrap();
        Fan::probe(transport, &mut self.platform, &mut give_up)
    }

    fn start(&mut self) -> (Fan<Mmio<SoftMmio>>, SoftQueue) {
        let fan = self.probe().unwrap();
        let queue = self.registers.queue(0, &self.memory);
        (fan, queue)
    }

    fn remove(&mut self, fan: Fan<Mmio<SoftMmio>>) {
        fan.remove().wait(&mut self.platform, &mut give_up).map_err(|(_, error)| error).unwrap();
        assert!(self.ledger.all_returned());
    }
}

fn give_up(_attempt: u32) -> ControlFlow<()> {
    ControlFlow::Break(())
}

/// A queue takes one allocation for its ring and one for its buffers.
#[test]
fn failed_second_queue_gives_back_the_first() {
    for allocation in 0..4 {
        let mut machine = Machine::new();
        machine.ledger.fail_dma(Some(When::At(allocation)));
        let failed = machine.probe().unwrap_err();
        let queue = (allocation / 2) as u16;
        assert!(matches!(failed.error, FanError::Queue(QueueError::NoMemory { queue: found, .. }) if found == queue));
        assert!(failed.transport.is_ok() && machine.ledger.all_returned());
    }
}

#[test]
fn first_queue_keeps_its_memory_until_the_device_is_reset() {
    let mut machine = Machine::new();
    machine.registers.model().queues[1].max = 0;
    let mut reads = 0;
    machine.registers.model().status_override = Some(Box::new(move |status| {
        // The reset after the failed probe does not finish.
        reads += u32::from(status == 0);
        if reads > 1 && status == 0 { 4 } else { status }
    }));
    let failed = machine.probe().unwrap_err();
    assert_eq!(failed.error, QueueError::Missing { queue: 1 }.into());
    let removing = failed.transport.unwrap_err();
    assert_eq!(machine.ledger.allocated_dma(), 2);
    machine.registers.model().status_override = None;
    removing.wait(&mut machine.platform, &mut give_up).map_err(|(_, error)| error).unwrap();
    assert!(machine.ledger.all_returned());
}

#[test]
fn command_returns_the_answer_or_the_reason_in_its_header() {
    let mut machine = Machine::new();
    let (mut fan, mut queue) = machine.start();
    let refused = Err(FanError::Refused { reason: 9 });
    for (answer, result) in [(&[0, 0, 0, 0, 5, 0, 0, 0][..], Ok(5)), (&[1, 0, 9, 0], refused)] {
        let (mut memory, mut waits) = ([0; BYTES], Vec::new());
        let old = fan.command(&fan::SetSpeed { speed: 7 }, &mut memory, &mut |attempt: u32| {
            waits.push(attempt);
            if attempt == 2 {
                let request = queue.take().expect("a request");
                assert_eq!((request.readable(), request.writable_len()), (&[7, 0, 0, 0][..], 8));
                queue.answer(&request, answer);
            }
            ControlFlow::Continue(())
        });
        assert_eq!((old.map(|answer| answer.old), waits), (result, vec![0, 1, 2]));
    }
    machine.remove(fan);
}

#[test]
fn short_answers_and_short_memory_are_errors() {
    for (written, len) in [(6, BYTES), (8, 7)] {
        let mut machine = Machine::new();
        let (mut fan, mut queue) = machine.start();
        let mut memory = vec![0; len];
        let failed = fan.command(&fan::SetSpeed { speed: 7 }, &mut memory, &mut |_attempt: u32| {
            let request = queue.take().expect("a request");
            queue.answer(&request, &[0; 8][..written]);
            ControlFlow::Continue(())
        });
        match failed {
            Err(FanError::Receive(ReceiveError::Answer { written: 6, .. })) => assert_eq!(len, BYTES),
            Err(FanError::Receive(ReceiveError::MemoryTooShort { needed: 8, len: 7, .. })) => assert_eq!(len, 7),
            other => panic!("{other:?}"),
        }
        machine.remove(fan);
    }
}

#[test]
fn wait_for_an_answer_is_bounded() {
    let mut machine = Machine::new();
    let (mut fan, mut queue) = machine.start();
    let mut memory = [0; BYTES];
    // Without a request in flight, there is nothing to wait for.
    let mut unexpected = |_attempt: u32| -> ControlFlow<()> { panic!("a wait without a request") };
    let none = fan.urgent.wait_for_answer(&fan.device, &mut memory, &mut unexpected).map(|_| ());
    assert_eq!(none, Err(DeviceError::NoAnswer { queue: 1 }));
    // The wait gives up, and the request stays in flight. The device answers during the last wait of the next call.
    let first = fan::SetSpeed { speed: 1 };
    let given_up = fan.command(&first, &mut memory, &mut give_up);
    assert_eq!(given_up.map(|_| ()), Err(DeviceError::NoAnswer { queue: 0 }.into()));
    let mut serve = |_attempt: u32| {
        let request = queue.take().expect("a request");
        queue.answer(&request, &[&[0; 4], request.readable()].concat());
        ControlFlow::Break(())
    };
    let answer = fan.command(&fan::SetSpeed { speed: 2 }, &mut memory, &mut serve);
    assert_eq!(answer.map(|answer| answer.old), Ok(2), "the answer to the first request is not mistaken for this one");
    machine.remove(fan);
}

#[test]
fn wait_ends_with_the_device() {
    for (status, error) in [(u32::MAX, DeviceError::Gone), (0, DeviceError::HostReset), (0x44, DeviceError::NeedsReset)]
    {
        let mut machine = Machine::new();
        let (mut fan, _) = machine.start();
        let mut waits = 0;
        let registers = machine.registers.clone();
        let failed = fan.command(&fan::SetSpeed { speed: 7 }, &mut [0; BYTES], &mut |_attempt: u32| {
            waits += 1;
            registers.model().status_override = Some(Box::new(move |_| status));
            ControlFlow::Continue(())
        });
        assert_eq!((failed.map(|_| ()), waits), (Err(error.into()), 1));
        machine.registers.model().status_override = None;
        machine.remove(fan);
    }
}
